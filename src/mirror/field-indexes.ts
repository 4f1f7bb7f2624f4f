import { createHash } from 'node:crypto';
import type { Scalar } from '../salesforce/change-event.ts';
import { fitsColumn } from './column-value.ts';
import { type MirrorTable, quoted } from './mirror-table.ts';

/** API name of a field, or of a part of a compound field such as `BillingAddress.City`. */
export const fieldPath = /^[A-Za-z][A-Za-z0-9_]{0,79}(?:\.[A-Za-z][A-Za-z0-9_]{0,79})?$/;

/**
 * SQL expression for the indexed value of a field. PostgreSQL limits an index entry to 2,704 bytes and rejects rows
 * beyond that, so of a text the beginning is indexed; with four bytes per character, the entry has room for a name of
 * 255 characters.
 * @param path becomes part of the SQL, so it must match `fieldPath`
 * @param row prefix of the columns, such as `(account).`
 */
export function indexedExpression({ byPath }: MirrorTable, path: string, row = ''): string {
  if (!fieldPath.test(path)) throw new Error(`${path} is not a field name`);
  const column = byPath.get(path);
  if (column === undefined) return `left(${additionalValue(path, row)}, ${indexedCharacters})`;
  const value = `${row}${quoted(column.name)}`;
  return column.type === 'text' ? `left(${value}, ${indexedCharacters})` : value;
}

/** SQL expression for the value of a field in `additional_fields`. */
export function additionalValue(path: string, row = ''): string {
  return `(${row}additional_fields ->> '${path}')`;
}

/** A value to compare {@link indexedExpression} with. */
export type ComparedValue = { readonly sqlType: string; readonly value: string };

/** Converts the text of a value for a comparison with the column of a field; undefined if no value of the column has it. */
export function comparedValue(
  { byPath }: MirrorTable,
  path: string,
  text: string,
): ComparedValue | undefined {
  const type = byPath.get(path)?.type ?? 'text';
  if (type === 'text') return { sqlType: 'text', value: text };
  const candidates: Scalar[] = [text, ...(text.trim() === text && text !== '' ? [Number(text)] : [])];
  if (text === 'true' || text === 'false') candidates.push(text === 'true');
  return candidates.some((value) => fitsColumn(type, value)) ? { sqlType: type, value: text } : undefined;
}

// Longer than the values that the API accepts in filters.
const indexedCharacters = 256;

/** Prefix of the names of field indexes. */
export const fieldIndexPrefix = 'account_field_';

/** SQL expression for names in comparisons, sorting and indexes. */
export const foldedNameSql = '(fold_case(name) COLLATE "C")';

/**
 * Name of the index of a field. The digest distinguishes long paths, because PostgreSQL limits names to 63 bytes. It
 * also covers the indexed columns, so that a change of them creates a new index.
 */
export function fieldIndexName(table: MirrorTable, path: string): string {
  const expression = `${path} ${indexedExpression(table, path)}, name`;
  const digest = createHash('sha256').update(expression).digest('hex').slice(0, 8);
  return `${fieldIndexPrefix}${path.slice(0, 38)}_${digest}`;
}
