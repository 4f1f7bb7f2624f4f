import type pg from 'pg';
import { type AccountRow, lockAccounts, type SavedRow, saveAccounts } from './account-row.ts';
import {
  type Change,
  changedPaths,
  deletedField,
  isComplete,
  type Merged,
  merge,
  newestVersion,
  nothing,
} from './merge.ts';
import { type Code, decideCode, generateCode, noCode } from './signup-code.ts';
import { compareVersions, laterVersion, type Version } from './version.ts';

/** A change of one account, on its way into the mirror. */
export type AccountChange = {
  readonly accountId: string;
  readonly change: Change;
  /** Whether the account may get a code if this change brings it about. */
  readonly eligible: boolean;
  /** Whether the change says that there is more than it tells. */
  readonly gap: boolean;
};

export type ApplyResult = {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
  /** Accounts whose code has to be brought to Salesforce. */
  readonly writeBacks: readonly string[];
  /** Accounts whose values became uncertain. */
  readonly stale: readonly string[];
  /** Accounts of which the mirror held something newer than a change brought. */
  readonly newer: readonly string[];
};

/**
 * Merges changes into the mirror inside the given transaction: values, deletion, codes, staleness.
 * One transaction at a time does so, whatever the source, so that a row that is new to both is not written twice.
 */
export async function applyChanges(
  client: pg.PoolClient,
  changes: readonly AccountChange[],
  codeField: string,
): Promise<ApplyResult> {
  await client.query({ name: 'lock-mirror', text: `select pg_advisory_xact_lock(${mirrorLock})` });
  const byAccount = Map.groupBy(changes, ({ accountId }) => accountId);
  const before = await lockAccounts(client, [...byAccount.keys()].sort());
  const at = new Date().toISOString();
  const outcomes = [...byAccount].map(([id, own]) => applyToAccount(id, before.get(id), own, codeField, at));
  const changed = outcomes.flatMap((outcome) => (outcome.changed ? [outcome.row] : []));
  const rows = await settleCodes(client, changed, before, at);
  await releaseCodes(client, rows, before);
  if (rows.length > 0) await saveAccounts(client, rows, codeField);
  const idsOf = (picked: readonly Outcome[]): string[] => picked.map(({ row }) => row.id);
  return {
    created: idsOf(outcomes.filter(({ row }) => !before.has(row.id))),
    updated: idsOf(outcomes.filter(({ row }) => before.has(row.id) && row.visible)),
    unchanged: idsOf(outcomes.filter(({ row }) => before.has(row.id) && !row.visible)),
    writeBacks: rows.filter((row) => hasToBeWritten(row, before.get(row.id))).map(({ id }) => id),
    stale: idsOf(outcomes.filter(({ becameStale }) => becameStale)),
    newer: idsOf(outcomes.filter(({ heldNewer }) => heldNewer)),
  };
}

// Any fixed number that nothing else in the database locks.
export const mirrorLock = 7_245_113_002n;

function applyToAccount(
  id: string,
  row: AccountRow | undefined,
  changes: readonly AccountChange[],
  codeField: string,
  at: string,
): Outcome {
  const before: AccountRow = row ?? { id, merged: nothing, code: noCode, staleVersion: null };
  let { merged, code, staleVersion } = before;
  let heldNewer = false;
  for (const { change, eligible, gap } of changes) {
    const next = merge(merged, change);
    heldNewer ||= compareVersions(newestVersion(merged), change.version) > 0;
    if (gap)
      staleVersion = staleVersion === null ? change.version : laterVersion(staleVersion, change.version);
    const situation = {
      before: code,
      heldBefore: heldCode(merged, codeField),
      held: heldCode(next, codeField),
      deleted: isDeleted(next),
      eligible: eligible && next !== merged,
      at,
    };
    code = decideCode(situation, generateCode);
    merged = next;
  }
  staleVersion = certainty(merged, staleVersion, changes);
  const becameStale = staleVersion !== null && staleVersion !== before.staleVersion;
  const visible =
    row === undefined ||
    code !== row.code ||
    (staleVersion === null) !== (row.staleVersion === null) ||
    changedPaths(row.merged, merged).length > 0;
  const changed = visible || staleVersion !== before.staleVersion || merged !== before.merged;
  return { row: { id, merged, code, staleVersion, visible }, changed, becameStale, heldNewer };
}

/** The version that a reading has to reach; null when all values are certain. */
function certainty(
  merged: Merged,
  staleVersion: Version | null,
  changes: readonly AccountChange[],
): Version | null {
  const known = isDeleted(merged) ? (merged.ahead.get(deletedField) ?? merged.base) : merged.base;
  if (staleVersion !== null) return compareVersions(known, staleVersion) >= 0 ? null : staleVersion;
  // Changes of an account that nobody has seen whole; of a deleted one there is nothing more to see.
  if (isComplete(merged) || isDeleted(merged)) return null;
  return changes.map(({ change }) => change.version).reduce(laterVersion);
}

/**
 * Codes are unique. A code made here that is taken is made again; one that Salesforce holds on a second account is a
 * conflict that a person has to settle, and the second account shows it.
 */
async function settleCodes(
  client: pg.PoolClient,
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  at: string,
): Promise<SavedRow[]> {
  const wanted = rows.flatMap(({ code }) => (code.signupCode === null ? [] : [code.signupCode]));
  const { rows: taken } = await client.query<{ id: string; signup_code: string }>({
    name: 'taken-codes',
    text: 'select id, signup_code from accounts where signup_code = any($1::text[]) and not id = any($2::text[])',
    values: [wanted, rows.map(({ id }) => id)],
  });
  const owners = new Map(taken.map((row) => [row.signup_code, row.id]));
  // Who has a code already comes before who comes with it.
  for (const { id, code } of rows) {
    if (code.signupCode !== null && before.get(id)?.code.signupCode === code.signupCode)
      owners.set(code.signupCode, id);
  }
  return rows.map((row) => {
    const { signupCode } = row.code;
    if (signupCode === null) return row;
    const owner = owners.get(signupCode) ?? row.id;
    owners.set(signupCode, owner);
    return owner === row.id ? row : { ...row, code: otherCode(row.code, owner, at) };
  });
}

/** Codes that change hands are given up first: while rows are written one by one, none may be there twice. */
async function releaseCodes(
  client: pg.PoolClient,
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
): Promise<void> {
  const giving = rows.filter(({ id, code }) => {
    const old = before.get(id)?.code.signupCode ?? null;
    return old !== null && old !== code.signupCode;
  });
  if (giving.length === 0) return;
  await client.query({
    name: 'release-codes',
    text: 'update accounts set signup_code = null where id = any($1::text[])',
    values: [giving.map(({ id }) => id)],
  });
}

function otherCode(code: Code, owner: string, at: string): Code {
  if (code.state === 'pending') return { ...code, signupCode: generateCode() };
  const message = `Salesforce holds the code ${code.signupCode} on account ${owner} too.`;
  return { signupCode: null, state: 'failed', error: { code: 'duplicate', message, at } };
}

/** A code that is new or waits again, or whose account is back from the recycle bin. */
function hasToBeWritten({ code, merged }: SavedRow, before: AccountRow | undefined): boolean {
  if (code.state !== 'pending' || isDeleted(merged)) return false;
  return (
    before === undefined ||
    before.code.state !== 'pending' ||
    before.code.signupCode !== code.signupCode ||
    isDeleted(before.merged)
  );
}

function heldCode(merged: Merged, codeField: string): string | null {
  const held = merged.values.get(codeField) ?? null;
  return held === null || held === '' ? null : String(held);
}

function isDeleted(merged: Merged): boolean {
  return merged.values.get(deletedField) === true;
}

type Outcome = {
  readonly row: SavedRow;
  readonly changed: boolean;
  readonly becameStale: boolean;
  readonly heldNewer: boolean;
};
