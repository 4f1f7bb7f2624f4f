import type { Static } from 'typebox';
import { type Account, Prisma } from '../../db/generated/client.ts';
import type { AccountSchema } from '../schemas/account.ts';
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
    fields: otherFields(row.fields, shape),
    createdAt: isoTime(row.createdAt),
    modifiedAt: isoTime(row.modifiedAt),
    deletedAt: isoTime(row.deletedAt),
    stale: row.staleVersion !== null,
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
  changed_at AS "changedAt", synced_at AS "syncedAt", version`);
}

// Shown at the top of an account rather than among its fields.
const shownAbove = ['Id', 'Name', 'AccountNumber', 'CreatedDate', 'LastModifiedDate', 'IsDeleted'];

function otherFields(value: unknown, { fieldNames, signupCodeField }: AccountShape): Record<string, unknown> {
  const values = entriesOf(value);
  const hidden = new Set([...shownAbove, signupCodeField]);
  const names = new Set([...fieldNames, ...values.keys()]);
  return Object.fromEntries(
    [...names].filter((name) => !hidden.has(name)).map((name) => [name, values.get(name) ?? null]),
  );
}

function codeError(value: unknown): Static<typeof AccountSchema>['codeError'] {
  if (value === null) return null;
  const entries = entriesOf(value);
  return { code: textOf(entries, 'code'), message: textOf(entries, 'message'), at: textOf(entries, 'at') };
}

function textOf(entries: ReadonlyMap<string, unknown>, name: string): string | null {
  const value = entries.get(name);
  return typeof value === 'string' ? value : null;
}

function entriesOf(value: unknown): Map<string, unknown> {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : new Map();
}

function isCodeState(state: string): state is Static<typeof AccountSchema>['codeState'] {
  return ['none', 'pending', 'written', 'confirmed', 'failed'].includes(state);
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
  | 'version'
>;

export type AccountShape = {
  readonly fieldNames: readonly string[];
  readonly signupCodeField: string;
};
