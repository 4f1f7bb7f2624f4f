import type { FastifyRequest } from 'fastify';
import { indexedExpression } from '../../db/field-indexes.ts';
import { Prisma } from '../../db/generated/client.ts';
import { type FieldError, invalidFields } from '../problem.ts';
import type { AccountFilter } from './account-filters.ts';

/**
 * Gathers the parameters `fields.Industry` and `fields[Industry]`, which no schema can name one by one, in one
 * parameter `fields`. Runs before validation.
 */
export async function gatherFieldFilters(request: FastifyRequest): Promise<void> {
  const others: [string, unknown][] = [];
  const fields: [string, unknown][] = [];
  for (const [parameter, value] of Object.entries(request.query ?? {})) {
    const [, dotted, bracketed] = /^fields(?:\.(.+)|\[(.+)\])$/s.exec(parameter) ?? [];
    const field = dotted ?? bracketed;
    if (field === undefined) others.push([parameter, value]);
    // The same field twice is a parameter given twice, in whichever way it is written.
    else if (fields.some(([name]) => name === field)) fields.push([field, [value]]);
    else fields.push([field, value]);
  }
  if (fields.length > 0)
    request.query = Object.fromEntries([...others, ['fields', Object.fromEntries(fields)]]);
}

/** @throws Problem 400 naming every field that has no index, or that there is not */
export function fieldFilters(
  wanted: Readonly<Record<string, string>>,
  indexed: readonly string[],
  fieldNames: readonly string[],
): AccountFilter[] {
  const errors = Object.keys(wanted)
    .filter((field) => !indexed.includes(field))
    .map((field) => refusal(field, fieldNames));
  if (errors.length > 0) throw invalidFields(errors);
  // Within one value the index of a field has the order of names. Only one of several can be read in order.
  const first = Object.keys(wanted).find((field) => wanted[field] !== '');
  return Object.entries(wanted).map(([field, value]) => {
    // A value has 255 characters at most, so the indexed beginning of a text tells whether it is this one.
    const beginning = Prisma.raw(indexedExpression(field));
    if (value === '') return { sql: Prisma.sql`${beginning} IS NULL` };
    const sql = Prisma.sql`${beginning} = ${value}`;
    return field === first ? { sql, bounds: 'name' } : { sql };
  });
}

function refusal(field: string, fieldNames: readonly string[]): FieldError {
  const [top = ''] = field.split('.', 1);
  const message =
    fieldNames.length > 0 && !fieldNames.includes(top)
      ? 'is not a mirrored field'
      : 'can not be filtered by: the setting INDEXED_FIELDS does not name it';
  return { field: `fields.${field}`, message };
}
