import type pg from 'pg';
import { heldCode, knowledgeOf } from '../codes/code-knowledge.ts';
import { readOwners, reassignFreedCodes, releaseCodes } from '../codes/code-ownership.ts';
import { type CodeRules, isEligible, matchesFilter } from '../codes/code-rules.ts';
import { resolveCodeConflicts } from '../codes/resolve-code-conflicts.ts';
import { decideCode, noCode } from '../codes/signup-code.ts';
import { advisoryLocks } from '../db/advisory-locks.ts';
import type { Queryable } from '../db/database.ts';
import { keepValues } from '../fields/cover-fields.ts';
import { addToDraft, beginDraft, createCheckpoint, type Draft } from '../history/draft.ts';
import type { Origin } from '../history/entry.ts';
import { recordHistory } from '../history/record-history.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import { type AccountRow, readAccountRows, type SavedRow } from './account-row.ts';
import {
  type Change,
  changedPaths,
  deletedField,
  emptyState,
  isComplete,
  type Merged,
  merge,
  newestVersion,
} from './merge.ts';
import { replacedAfter, toStorable } from './replaced-fields.ts';
import { compareVersions, isReadVersion, laterVersion, type Version } from './version.ts';
import { writeAccounts } from './write-accounts.ts';

/** A change of one account to merge into the mirror. */
export type AccountChange = {
  readonly accountId: string;
  readonly change: Change;
  /** Whether the change shows that the account is new; otherwise its creation date decides whether it gets a code. */
  readonly eligible: boolean;
  /** Whether the change is incomplete, so that the account has to be read. */
  readonly gap: boolean;
  /** The source: an event, or a resync. A read outside a resync has none. */
  readonly event?: { readonly id: bigint; readonly changeType: string };
  readonly resyncId?: string;
};

export type ApplyResult = {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
  /** Accounts whose code has to be written to Salesforce. */
  readonly writeBacks: readonly string[];
  /** Accounts that became stale. */
  readonly stale: readonly string[];
  /** Accounts for which the mirror had a newer version than a change. */
  readonly newer: readonly string[];
};

/**
 * Merges changes into the mirror in the transaction of the caller: values, deletion, codes, staleness. Requires the lock
 * on account writes, which serializes these transactions across all sources, so that two of them cannot insert the same
 * account.
 */
export async function applyChanges(
  client: pg.PoolClient,
  changes: readonly AccountChange[],
  codes: CodeRules,
): Promise<ApplyResult> {
  const storable = changes.map((change) => ({ ...change, change: toStorable(change.change) }));
  const byAccount = Map.groupBy(storable, ({ accountId }) => accountId);
  const table = await loadMirror(client);
  const before = await readAccountRows(client, table, [...byAccount.keys()]);
  const at = new Date().toISOString();
  const outcomes = [...byAccount].map(([id, own]) => applyToAccount(id, before.get(id), own, codes, at));
  const changed = outcomes.flatMap((outcome) => (outcome.changed ? [outcome.row] : []));
  const owners = await readOwners(client, changed);
  const { rows, displaced } = resolveCodeConflicts(changed, before, owners, codes.generate, at);
  await releaseCodes(client, rows, before, displaced);
  if (rows.length > 0) await writeAccounts(client, table, rows, before, codes);
  await reassignFreedCodes(client, rows, before, at);
  await recordHistory(
    client,
    outcomes.map(({ row, draft }) => ({
      accountId: row.id,
      draft,
      checkpoint: createCheckpoint(draft, before.get(row.id)?.historyLength ?? 0, row),
    })),
  );
  const idsOf = (picked: readonly Outcome[]): string[] => picked.map(({ row }) => row.id);
  return {
    created: idsOf(outcomes.filter(({ row }) => !before.has(row.id))),
    updated: idsOf(outcomes.filter(({ row }) => before.has(row.id) && row.visible)),
    unchanged: idsOf(outcomes.filter(({ row }) => before.has(row.id) && !row.visible)),
    writeBacks: rows.filter((row) => needsWriteBack(row, before.get(row.id))).map(({ id }) => id),
    stale: idsOf(outcomes.filter(({ becameStale }) => becameStale)),
    newer: idsOf(outcomes.filter(({ hadNewer }) => hadNewer)),
  };
}

/** Blocks other writers of accounts until the end of the transaction, which prevents deadlocks between them. */
export async function lockAccountWrites(client: Queryable): Promise<void> {
  await client.query({
    name: 'lock-mirror',
    text: `select pg_advisory_xact_lock(${advisoryLocks.accountWrites})`,
  });
}

function applyToAccount(
  id: string,
  row: AccountRow | undefined,
  changes: readonly AccountChange[],
  codes: CodeRules,
  at: string,
): Outcome {
  const before: AccountRow = row ?? { ...unknownAccount, id };
  let { merged, code, staleVersion, replaced, modifiedAt } = before;
  let draft = beginDraft(before.historyFrom, before.historyLength);
  let hadNewer = false;
  for (const accountChange of changes) {
    const { eligible, gap } = accountChange;
    const change = keepValues(merged, accountChange.change);
    const next = merge(merged, change);
    draft = addToDraft(draft, merged, { change, gap, origin: originOf(accountChange) });
    hadNewer ||= compareVersions(newestVersion(merged), change.version) > 0;
    if (gap)
      staleVersion = staleVersion === null ? change.version : laterVersion(staleVersion, change.version);
    const heldBefore = heldCode(merged, codes.field);
    // A field that is missing in a read because of a permission was not cleared.
    const isKnown = change.kind === 'patch' || change.values.has(codes.field);
    const situation = {
      before: code,
      heldBefore,
      held: isKnown ? heldCode(next, codes.field) : heldBefore,
      knowledge: knowledgeOf(change, next, codes.field),
      deleted: isDeleted(next),
      eligible: (eligible || isEligible(codes, next)) && next !== merged && matchesFilter(codes, next),
      restore: codes.restore,
      at,
    };
    code = decideCode(situation, codes.generate);
    replaced = replacedAfter(replaced, next, change);
    modifiedAt = modifiedAfter(modifiedAt, change);
    merged = next;
  }
  staleVersion = staleVersionAfter(merged, staleVersion, changes);
  const becameStale = staleVersion !== null && staleVersion !== before.staleVersion;
  const visible =
    row === undefined ||
    code !== row.code ||
    (staleVersion === null) !== (row.staleVersion === null) ||
    changedPaths(row.merged, merged).length > 0 ||
    row.replaced.symmetricDifference(replaced).size > 0;
  const { from: historyFrom, length: historyLength } = draft;
  const changed =
    visible ||
    staleVersion !== before.staleVersion ||
    merged !== before.merged ||
    modifiedAt !== before.modifiedAt ||
    historyFrom !== before.historyFrom;
  const { stored } = before;
  const state = { merged, code, staleVersion, historyFrom, historyLength, replaced, modifiedAt };
  const saved = { id, ...state, stored, visible };
  return { row: saved, draft, changed, becameStale, hadNewer };
}

const unknownAccount = {
  merged: emptyState,
  code: noCode,
  staleVersion: null,
  historyFrom: null,
  historyLength: 0,
  replaced: new Set<string>(),
  modifiedAt: null,
  stored: new Map(),
};

/** The newest `SystemModstamp` of the account: that of a read, or the commit time of an event. */
function modifiedAfter(before: number | null, { version, modifiedAt }: Change): number | null {
  const at = modifiedAt ?? (isReadVersion(version) ? null : version[0]);
  return at === null || (before !== null && before >= at) ? before : at;
}

function originOf({ event, resyncId }: AccountChange): Origin {
  return { changeType: event?.changeType ?? null, eventId: event?.id ?? null, resyncId: resyncId ?? null };
}

/** The version that a read must reach; null if the account is not stale. */
function staleVersionAfter(
  merged: Merged,
  staleVersion: Version | null,
  changes: readonly AccountChange[],
): Version | null {
  // A deletion event has no values. Values lost in an earlier gap still have to be read, unless the deletion was found
  // by a read.
  const deletion = isDeleted(merged) ? merged.fieldVersions.get(deletedField) : undefined;
  const known = deletion !== undefined && isReadVersion(deletion) ? deletion : merged.baseVersion;
  if (staleVersion !== null) return compareVersions(known, staleVersion) >= 0 ? null : staleVersion;
  // Patches of an incomplete account. A deleted account needs no read.
  if (isComplete(merged) || isDeleted(merged)) return null;
  return changes.map(({ change }) => change.version).reduce(laterVersion);
}

/** Whether a code became pending, or its account was undeleted. */
function needsWriteBack({ code, merged }: SavedRow, before: AccountRow | undefined): boolean {
  if (code.state !== 'pending' || isDeleted(merged)) return false;
  return (
    before === undefined ||
    before.code.state !== 'pending' ||
    before.code.signupCode !== code.signupCode ||
    isDeleted(before.merged)
  );
}

function isDeleted(merged: Merged): boolean {
  return merged.values.get(deletedField) === true;
}

type Outcome = {
  readonly row: SavedRow;
  readonly draft: Draft;
  readonly changed: boolean;
  readonly becameStale: boolean;
  readonly hadNewer: boolean;
};
