import type { FastifyRequest } from 'fastify';
import { topOf } from '../../apply/merge.ts';
import { Prisma } from '../../db/generated/client.ts';
import { additionalValue, comparedValue, indexedExpression } from '../../mirror/field-indexes.ts';
import type { MirrorTable } from '../../mirror/mirror-table.ts';
import { typedRow } from '../../mirror/view-sql.ts';
import { type FieldError, invalidFields } from '../problem.ts';
import type { AccountFilter } from './account-filters.ts';

/**
 * Collects the parameters `fields.Industry` and `fields[Industry]` in one object `fields`, which the schema describes.
 * Runs before validation.
 */
export async function collectFieldFilters(request: FastifyRequest): Promise<void> {
  const others: [string, unknown][] = [];
  const fields: [string, unknown][] = [];
  for (const [parameter, value] of Object.entries(request.query ?? {})) {
    const [, dotted, bracketed] = /^fields(?:\.(.+)|\[(.+)\])$/s.exec(parameter) ?? [];
    const field = dotted ?? bracketed;
    if (field === undefined) others.push([parameter, value]);
    // A repeated field becomes an array, which validation rejects like any repeated parameter.
    else if (fields.some(([name]) => name === field)) fields.push([field, [value]]);
    else fields.push([field, value]);
  }
  if (fields.length > 0) {
    request.query = Object.fromEntries([...others, ['fields', Object.fromEntries(fields)]]);
  }
}

/** @throws Problem 400 naming every unknown field and every field without an index */
export function fieldFilters(
  values: Readonly<Record<string, string>>,
  indexed: readonly string[],
  fieldNames: readonly string[],
  table: MirrorTable,
): AccountFilter[] {
  const errors = Object.keys(values)
    .filter((field) => !indexed.includes(field))
    .map((field) => filterError(field, fieldNames));
  if (errors.length > 0) throw invalidFields(errors);
  // Within one value, the index of a field is ordered by name. Only one of several indexes can be read in order.
  const first = Object.keys(values).find((field) => values[field] !== '');
  return Object.entries(values).map(([field, value]) => {
    // A value has at most 255 characters, so the indexed beginning of a text is sufficient for the comparison.
    const indexed = Prisma.raw(indexedExpression(table, field, typedRow));
    const additional = Prisma.raw(additionalValue(field, typedRow));
    if (value === '') return { sql: Prisma.sql`${indexed} IS NULL AND ${additional} IS NULL` };
    const compared = comparedValue(table, field, value);
    // A value that does not fit the type of the column.
    if (compared === undefined) return { sql: Prisma.sql`${additional} = ${value}` };
    const sql = Prisma.sql`${indexed} = ${compared.value}::${Prisma.raw(compared.sqlType)}`;
    return field === first ? { sql, bounds: 'name' } : { sql };
  });
}

function filterError(field: string, fieldNames: readonly string[]): FieldError {
  const top = topOf(field);
  const message =
    fieldNames.length > 0 && !fieldNames.includes(top)
      ? 'is not a mirrored field'
      : 'is not in the setting INDEXED_FIELDS';
  return { field: `fields.${field}`, message };
}
