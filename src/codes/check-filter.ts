import type { SchemaField } from '../salesforce/writer-schema.ts';
import type { CodeFilter } from './code-filter.ts';

/**
 * A misspelt field would be null for ever, and no account would get a code.
 * @param fields as change events have them
 * @throws Error naming the setting and the field
 */
export function checkFilter(filter: CodeFilter | null, fields: readonly SchemaField[]): void {
  const known = new Set(
    fields.flatMap(({ name, parts }) => [name, ...parts.map((part) => `${name}.${part}`)]),
  );
  const unknown = filter?.find(({ path }) => !known.has(path));
  if (unknown === undefined) return;
  throw new Error(`SIGNUP_CODE_FILTER: change events of Account have no field "${unknown.path}"`);
}
