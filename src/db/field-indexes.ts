import { createHash } from 'node:crypto';

/** API name of a field, or of a part of a compound field such as `BillingAddress.City`. */
export const fieldPath = /^[A-Za-z][A-Za-z0-9_]{0,79}(?:\.[A-Za-z][A-Za-z0-9_]{0,79})?$/;

/**
 * SQL expression for the value of a mirrored field as text.
 * @param path becomes part of the SQL, so it must match `fieldPath`
 */
function fieldExpression(path: string): string {
  if (!fieldPath.test(path)) throw new Error(`${path} is not a field name`);
  const [top = '', part] = path.split('.');
  return part === undefined ? `(fields ->> '${top}')` : `(fields #>> '{${top},${part}}')`;
}

/**
 * SQL expression for the indexed beginning of a field value. PostgreSQL limits an index entry to 2,704 bytes and
 * rejects rows beyond that; with four bytes per character, the entry has room for a name of 255 characters.
 */
export function indexedExpression(path: string): string {
  return `left(${fieldExpression(path)}, ${indexedCharacters})`;
}

// Longer than the values that the API accepts in filters.
const indexedCharacters = 256;

/** Prefix of the names of field indexes. */
export const fieldIndexPrefix = 'accounts_field_';

/** SQL expression for names in comparisons, sorting and indexes. */
export const foldedNameSql = '(fold_case(name) COLLATE "C")';

/**
 * Name of the index of a field. The digest distinguishes long paths, because PostgreSQL limits names to 63 bytes. It
 * also covers the indexed columns, so that a change of them creates a new index.
 */
export function fieldIndexName(path: string): string {
  const digest = createHash('sha256').update(`${path} ${indexedCharacters}, name`).digest('hex').slice(0, 8);
  return `${fieldIndexPrefix}${path.slice(0, 38)}_${digest}`;
}
