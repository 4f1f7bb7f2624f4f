import { projectionsOf } from '../../apply/account-row.ts';
import { toTree } from '../../apply/field-tree.ts';
import { deletedField, newestVersion } from '../../apply/merge.ts';
import { formatVersion } from '../../apply/version.ts';
import type { PastAccount } from '../../history/account-as-of.ts';
import type { KnownState } from '../../history/entry.ts';
import { masterField } from '../../salesforce/records.ts';
import { Problem } from '../problem.ts';
import type { AccountRow } from './account.ts';

/** The problem for a time at which the state of the account is unknown. */
export function unknownPastState(
  accountId: string,
  time: Date,
  past: Exclude<PastAccount, { kind: 'known' }>,
): Problem {
  const since = past.since.toISOString();
  if (past.kind !== 'unborn') {
    return new Problem('before-history', `The history of account ${accountId} starts at ${since}.`);
  }
  const detail = `Account ${accountId} did not exist at ${time.toISOString()}: it was created at ${since}.`;
  return new Problem('not-found', detail);
}

/** A past state as a row of `accounts`. Of the signup code only the value in Salesforce is known. */
export function pastAccountRow(
  id: string,
  { merged, staleVersion }: KnownState,
  time: Date,
  codeField: string,
): AccountRow {
  const master = merged.values.get(masterField);
  const columns = projectionsOf(merged, codeField);
  const deletedAt = columns.deleted
    ? (merged.fieldVersions.get(deletedField) ?? merged.baseVersion)[0]
    : null;
  return {
    id,
    fields: toTree(merged.values),
    name: columns.name,
    accountNumber: columns.account_number,
    signupCode: columns.salesforce_code,
    pendingSignupCode: null,
    codeState: columns.salesforce_code === null ? 'none' : 'confirmed',
    codeError: null,
    createdAt: columns.created_at === null ? null : new Date(columns.created_at),
    modifiedAt: columns.modified_at === null ? null : new Date(columns.modified_at),
    deletedAt: deletedAt === null ? null : new Date(deletedAt),
    mergedInto: typeof master === 'string' ? master : null,
    staleVersion: staleVersion === null ? null : formatVersion(staleVersion),
    changedAt: new Date(newestVersion(merged)[0]),
    syncedAt: time,
    replacedFields: null,
    version: formatVersion(newestVersion(merged)),
  };
}
