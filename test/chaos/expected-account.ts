import type { Simulator } from 'salesforce-simulator';
import type { ApiAccount } from '../helpers/tidemark.ts';

type OrgRecord = NonNullable<ReturnType<Simulator['org']['record']>>;
type Field = ReturnType<Simulator['org']['fields']>[number];

/** Every difference between a record of the org and the account that the API shows, a line each. */
export function differencesOf(
  record: OrgRecord,
  account: ApiAccount | undefined,
  fields: readonly Field[],
): string[] {
  if (account === undefined) return [`${record.id} is missing`];
  const expected = expectedAccount(record, fields);
  const shown = new Map<string, unknown>(Object.entries(account.fields));
  for (const [field, name] of above) shown.set(field, account[name]);
  const differences = [...expected].flatMap(([name, value]) => {
    if (record.isDeleted && unreportedByDelete.has(name)) return [];
    const got = canonical(shown.get(name) ?? null);
    return got === canonical(value)
      ? []
      : [`${record.id}.${name}: ${got}, but Salesforce has ${canonical(value)}`];
  });
  if ((account.deletedAt !== null) !== record.isDeleted) {
    differences.push(
      `${record.id} is deleted ${record.isDeleted ? 'only in Salesforce' : 'only in the mirror'}`,
    );
  }
  return differences;
}

// A DELETE event carries no values: when and by whom the record was last touched stays as it was before. And a code
// that was still on its way to the record when it was deleted can't be written any more.
const unreportedByDelete = new Set(['LastModifiedDate', 'LastModifiedById', 'SignUpCode__c']);

// What the API shows in addition to `fields`.
const above = [
  ['Name', 'name'],
  ['AccountNumber', 'accountNumber'],
  ['SignUpCode__c', 'signupCode'],
  ['CreatedDate', 'createdAt'],
  ['LastModifiedDate', 'modifiedAt'],
] as const;

/** The values of a record as the API is to show them: compound fields as objects, times as ISO 8601. */
function expectedAccount({ values }: OrgRecord, fields: readonly Field[]): Map<string, unknown> {
  const told = fields.filter(({ inChangeEvents }) => inChangeEvents);
  const plain = told.filter(
    ({ type, compoundFieldName }) => type !== 'address' && compoundFieldName === null,
  );
  const compounds = told.filter(({ type }) => type === 'address');
  return new Map([
    ...plain.map(({ name, type }) => [name, shownValue(type, values[name] ?? null)] as const),
    ...compounds.map(({ name }) => {
      const parts = told.filter(({ compoundFieldName }) => compoundFieldName === name);
      return [name, compoundValue(name.replace(/Address$/, ''), parts, values)] as const;
    }),
  ]);
}

function compoundValue(prefix: string, parts: readonly Field[], values: OrgRecord['values']): object | null {
  const entries = parts.flatMap(({ name }) => {
    const value = values[name] ?? null;
    return value === null ? [] : [[name.slice(prefix.length), value] as const];
  });
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function shownValue(type: string, value: unknown): unknown {
  if (typeof value !== 'number' || (type !== 'date' && type !== 'datetime')) return value;
  const iso = new Date(value).toISOString();
  return type === 'date' ? iso.slice(0, 10) : iso;
}

/** JSON with sorted names and without nulls inside, so that equal values are equal texts. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, part]) => part !== null);
  return entries.length === 0 ? 'null' : JSON.stringify(Object.fromEntries(entries.sort()));
}
