import { createHash } from 'node:crypto';

/** API names of fields, of a part of a compound field as `BillingAddress.City`. */
export const fieldPath = /^[A-Za-z][A-Za-z0-9_]{0,79}(?:\.[A-Za-z][A-Za-z0-9_]{0,79})?$/;

/**
 * The value of a mirrored field as text.
 * @param path fits `fieldPath`: it becomes a part of SQL
 */
function fieldExpression(path: string): string {
  if (!fieldPath.test(path)) throw new Error(`${path} is not the name of a field`);
  const [top = '', part] = path.split('.');
  return part === undefined ? `(fields ->> '${top}')` : `(fields #>> '{${top},${part}}')`;
}

/**
 * The beginning of that text, as its index has it: an entry of an index has 2,704 bytes, and a long text would make
 * PostgreSQL refuse its whole row. With four bytes a character it leaves room for a name of 255.
 */
export function indexedExpression(path: string): string {
  return `left(${fieldExpression(path)}, ${indexedCharacters})`;
}

// More than the API filters by.
const indexedCharacters = 256;

/** What every name of an index of a field begins with. */
export const fieldIndexPrefix = 'accounts_field_';

/** A name as it is compared and sorted, and as indexes have it. */
export const foldedNameSql = '(fold_case(name) COLLATE "C")';

/**
 * Within the 63 bytes that PostgreSQL has for a name, so long paths are told apart by a digest; of all columns, so that an
 * index of others is made anew.
 */
export function fieldIndexName(path: string): string {
  const digest = createHash('sha256').update(`${path} ${indexedCharacters}, name`).digest('hex').slice(0, 8);
  return `${fieldIndexPrefix}${path.slice(0, 38)}_${digest}`;
}
