import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import type { DescribedField } from '../salesforce/records.ts';

/**
 * Checks the names of `CALCULATED_FIELDS`.
 * @param isLoaded whether there is a mirror to keep: then an invalid name is only reported
 * @throws SalesforceError that names the setting
 */
export async function verifyCalculatedFields(
  { calculatedFields, describe }: Pick<Org, 'calculatedFields' | 'describe'>,
  isLoaded: boolean,
  warn: (message: string) => void,
): Promise<void> {
  if (calculatedFields.size === 0) return;
  const problem = calculatedFieldsProblem(calculatedFields, await describe());
  if (problem === undefined) return;
  if (isLoaded) return warn(problem);
  const setting = 'CALCULATED_FIELDS';
  throw new SalesforceError(problem, setting, 'config', { setting });
}

/** What is wrong with the names, as one sentence; undefined if nothing is. */
export function calculatedFieldsProblem(
  names: ReadonlySet<string>,
  described: readonly DescribedField[],
): string | undefined {
  const fields = new Map(described.map((field) => [field.name, field]));
  const unknown = [...names].filter((name) => !fields.has(name));
  const others = [...names].filter((name) => fields.get(name)?.calculated === false);
  const problems = [
    ...(unknown.length === 0 ? [] : [`Account has no field ${unknown.join(', ')} that the user can read`]),
    ...(others.length === 0 ? [] : [`${others.join(', ')} is mirrored anyway, because it is not calculated`]),
  ];
  return problems.length === 0 ? undefined : `CALCULATED_FIELDS: ${problems.join('; ')}`;
}
