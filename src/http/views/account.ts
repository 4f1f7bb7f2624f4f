import type { Static } from 'typebox';
import type { FieldTree } from '../../apply/field-tree.ts';
import type { Account } from '../../db/generated/client.ts';
import { masterField } from '../../salesforce/records.ts';
import { type AccountSchema, codeStates } from '../schemas/account.ts';
import { isoTime } from '../schemas/values.ts';

/** Converts a row to JSON: known columns at the top level, all other mirrored fields under `fields`. */
export function accountJson(row: AccountRow, shape: AccountShape): Static<typeof AccountSchema> {
  return { ...accountMembers(row), fields: otherFields(row.fields, shape) };
}

/** The members of an account except `fields`. */
export function accountMembers(
  row: Omit<AccountRow, 'fields'>,
): Omit<Static<typeof AccountSchema>, 'fields'> {
  return {
    id: row.id,
    name: row.name,
    accountNumber: row.accountNumber,
    signupCode: row.signupCode,
    pendingSignupCode: row.pendingSignupCode,
    codeState: codeStates.find((state) => state === row.codeState) ?? 'none',
    codeError: codeError(row.codeError),
    createdAt: isoTime(row.createdAt),
    modifiedAt: isoTime(row.modifiedAt),
    deletedAt: isoTime(row.deletedAt),
    mergedInto: row.mergedInto,
    stale: row.staleVersion !== null,
    replacedFields: textsOf(row.replacedFields),
    changedAt: isoTime(row.changedAt),
    syncedAt: isoTime(row.syncedAt),
    version: row.version,
  };
}

// Members at the top level of an account.
const topLevelFields = new Set([
  'Id',
  'Name',
  'AccountNumber',
  'CreatedDate',
  'LastModifiedDate',
  'IsDeleted',
  masterField,
]);

/** All mirrored fields in the order of the schema, followed by fields that the schema does not contain. */
function otherFields(values: FieldTree, shape: AccountShape): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const { names, known } = fieldNamesOf(shape);
  for (const name of names) fields[name] = values[name] ?? null;
  for (const name in values) if (!known.has(name) && name !== '__proto__') fields[name] = values[name];
  return fields;
}

type FieldNames = {
  readonly signupCodeField: string;
  /** The fields under `fields`. */
  readonly names: readonly string[];
  /** These and the fields at the top level. */
  readonly known: ReadonlySet<string>;
};

const cache = new WeakMap<readonly string[], FieldNames>();

export function fieldNamesOf({ fieldNames, signupCodeField }: AccountShape): FieldNames {
  const cached = cache.get(fieldNames);
  if (cached?.signupCodeField === signupCodeField) return cached;
  const isTopLevel = (name: string): boolean => name === signupCodeField || topLevelFields.has(name);
  const computed: FieldNames = {
    signupCodeField,
    names: fieldNames.filter((name) => !isTopLevel(name)),
    known: new Set([...fieldNames, ...topLevelFields, signupCodeField]),
  };
  cache.set(fieldNames, computed);
  return computed;
}

function codeError(value: unknown): Static<typeof AccountSchema>['codeError'] {
  if (value === null) return null;
  const values = valuesOf(value);
  return { code: textOf(values, 'code'), message: textOf(values, 'message'), at: textOf(values, 'at') };
}

function textOf(values: Values, name: string): string | null {
  const value = values[name];
  return typeof value === 'string' ? value : null;
}

function textsOf(value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : null;
}

function valuesOf(value: unknown): Values {
  return typeof value === 'object' && value !== null ? (value as Values) : {};
}

type Values = Readonly<Record<string, unknown>>;

export type AccountRow = Pick<
  Account,
  | 'id'
  | 'name'
  | 'accountNumber'
  | 'signupCode'
  | 'pendingSignupCode'
  | 'codeState'
  | 'codeError'
  | 'createdAt'
  | 'modifiedAt'
  | 'deletedAt'
  | 'staleVersion'
  | 'changedAt'
  | 'syncedAt'
  | 'replacedFields'
  | 'version'
> & {
  readonly mergedInto: string | null;
  readonly fields: FieldTree;
};

export type AccountShape = {
  readonly fieldNames: readonly string[];
  readonly signupCodeField: string;
};
