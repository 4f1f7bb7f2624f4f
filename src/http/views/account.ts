import type { Static } from 'typebox';
import { type Account, Prisma } from '../../db/generated/client.ts';
import { masterField } from '../../salesforce/records.ts';
import { type AccountSchema, codeStates } from '../schemas/account.ts';
import { isoTime } from './time.ts';

/** Shows a row as the API does: known columns at the top, every other mirrored field under `fields`. */
export function accountJson(row: AccountRow, shape: AccountShape): Static<typeof AccountSchema> {
  return {
    id: row.id,
    name: row.name,
    accountNumber: row.accountNumber,
    signupCode: row.signupCode,
    codeState: isCodeState(row.codeState) ? row.codeState : 'none',
    codeError: codeError(row.codeError),
    fields: otherFields(valuesOf(row.fields), shape),
    createdAt: isoTime(row.createdAt),
    modifiedAt: isoTime(row.modifiedAt),
    deletedAt: isoTime(row.deletedAt),
    mergedInto: textOf(valuesOf(row.fields), masterField),
    stale: row.staleVersion !== null,
    replacedFields: textsOf(row.replacedFields),
    changedAt: isoTime(row.changedAt),
    syncedAt: isoTime(row.syncedAt),
    version: row.version,
  };
}

/** The columns of an `AccountRow`. */
export const accountColumns = columnsWith('fields');
/** The same where no fields are shown: reading them is most of the work. */
export const accountColumnsWithoutFields = columnsWith(`'{}'::jsonb AS fields`);

function columnsWith(fields: string): Prisma.Sql {
  return Prisma.raw(`id, ${fields}, name, account_number AS "accountNumber",
  signup_code AS "signupCode", code_state AS "codeState", code_error AS "codeError", created_at AS "createdAt",
  modified_at AS "modifiedAt", deleted_at AS "deletedAt", stale_version AS "staleVersion",
  changed_at AS "changedAt", synced_at AS "syncedAt", replaced_fields AS "replacedFields", version`);
}

// Shown at the top of an account rather than among its fields.
const shownAbove = new Set([
  'Id',
  'Name',
  'AccountNumber',
  'CreatedDate',
  'LastModifiedDate',
  'IsDeleted',
  masterField,
]);

/** All mirrored fields, in the order of the schema, then what the account has besides. */
function otherFields(values: Values, shape: AccountShape): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  const { names, known } = othersOf(shape);
  for (const name of names) shown[name] = values[name] ?? null;
  // Names of fields are words of letters, digits and underscores that begin with a letter.
  for (const name in values) if (!known.has(name) && name !== '__proto__') shown[name] = values[name];
  return shown;
}

type Others = {
  readonly signupCodeField: string;
  /** Those that are shown among the fields. */
  readonly names: readonly string[];
  /** And those that are hidden. */
  readonly known: ReadonlySet<string>;
};

// The names are looked up once for many requests.
const others = new WeakMap<readonly string[], Others>();

function othersOf({ fieldNames, signupCodeField }: AccountShape): Others {
  const before = others.get(fieldNames);
  if (before?.signupCodeField === signupCodeField) return before;
  const isHidden = (name: string): boolean => name === signupCodeField || shownAbove.has(name);
  const made: Others = {
    signupCodeField,
    names: fieldNames.filter((name) => !isHidden(name)),
    known: new Set([...fieldNames, ...shownAbove, signupCodeField]),
  };
  others.set(fieldNames, made);
  return made;
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

function isCodeState(state: string): state is Static<typeof AccountSchema>['codeState'] {
  return (codeStates as readonly string[]).includes(state);
}

export type AccountRow = Pick<
  Account,
  | 'id'
  | 'fields'
  | 'name'
  | 'accountNumber'
  | 'signupCode'
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
>;

export type AccountShape = {
  readonly fieldNames: readonly string[];
  readonly signupCodeField: string;
};
