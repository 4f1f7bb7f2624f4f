import { projectionsOf } from '../../apply/account-row.ts';
import { toTree } from '../../apply/field-tree.ts';
import { deletedField, newestVersion } from '../../apply/merge.ts';
import { formatVersion } from '../../apply/version.ts';
import type { PastAccount } from '../../history/account-as-of.ts';
import type { KnownState } from '../../history/entry.ts';
import { invalid, Problem } from '../problem.ts';
import { readTime } from '../schemas/parse-time.ts';
import type { AccountRow } from './account.ts';

/**
 * Reads a moment of the past given as a parameter.
 * @throws Problem 400 naming the parameter where it lies in the future
 */
export function readPastMoment(parameter: string, text: string): Date {
  const moment = readTime(parameter, text);
  // What commits later can't be known; what commits in this second has no finer stamp.
  if (moment.getTime() > Date.now() + 1_000) throw invalid(parameter, 'lies in the future');
  // Nothing in Salesforce is older than this, and versions are no negative numbers.
  return new Date(Math.max(0, moment.getTime()));
}

/** The problem of an account that is not known as of a moment. */
export function notKnownThen(
  accountId: string,
  moment: Date,
  past: Exclude<PastAccount, { kind: 'known' }>,
): Problem {
  const since = past.since.toISOString();
  return past.kind === 'unborn'
    ? new Problem(
        'not-found',
        `The account ${accountId} did not exist at ${moment.toISOString()}: it was created at ${since}.`,
      )
    : new Problem('before-history', `The account ${accountId} is known since ${since}.`);
}

/** An account of the past in the form of one of today. Of its code, what Salesforce held then is known. */
export function pastRow(
  id: string,
  { merged, staleVersion }: KnownState,
  moment: Date,
  codeField: string,
): AccountRow {
  const held = projectionsOf(merged, codeField);
  const deletedAt = held.deleted ? (merged.fieldVersions.get(deletedField) ?? merged.baseVersion)[0] : null;
  return {
    id,
    fields: toTree(merged.values),
    name: held.name,
    accountNumber: held.account_number,
    signupCode: held.salesforce_code,
    codeState: held.salesforce_code === null ? 'none' : 'confirmed',
    codeError: null,
    createdAt: held.created_at === null ? null : new Date(held.created_at),
    modifiedAt: held.modified_at === null ? null : new Date(held.modified_at),
    deletedAt: deletedAt === null ? null : new Date(deletedAt),
    staleVersion: staleVersion === null ? null : formatVersion(staleVersion),
    changedAt: new Date(newestVersion(merged)[0]),
    syncedAt: moment,
    replacedFields: null,
    version: formatVersion(newestVersion(merged)),
  };
}
