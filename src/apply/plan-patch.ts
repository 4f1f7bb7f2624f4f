import type { ConfirmedCode } from '../activity.ts';
import { heldCode, knowledgeOf } from '../codes/code-knowledge.ts';
import { type CodeRules, isEligible, isNew, matchesFilter } from '../codes/code-rules.ts';
import { type CodeOwner, type ResolvedCodes, resolveCodeConflicts } from '../codes/resolve-code-conflicts.ts';
import { decideCode, noCode } from '../codes/signup-code.ts';
import { keepValues } from '../fields/cover-fields.ts';
import { addToDraft, beginDraft, createCheckpoint, type Draft } from '../history/draft.ts';
import type { Origin } from '../history/entry.ts';
import type { AccountEntry, AccountStateRow } from '../history/history-rows.ts';
import { nameField } from '../salesforce/person-accounts.ts';
import type { AccountRow, SavedRow } from './account-row.ts';
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
  /** Codes of Tidemark that became confirmed. */
  readonly confirmed: readonly ConfirmedCode[];
  /** Accounts that became stale. */
  readonly stale: readonly string[];
  /** Accounts for which the mirror had a newer version than a change. */
  readonly newer: readonly string[];
};

/** What changes make of the mirror, before anything is written. */
export type Patch = {
  /** Accounts that are not in the mirror yet. */
  readonly added: readonly SavedRow[];
  /** Accounts that change. */
  readonly changed: readonly ChangedRow[];
  readonly codes: readonly SavedCode[];
  /** Accounts whose code moves to another account, or is cleared or replaced. */
  readonly releasing: readonly string[];
  readonly displaced: ResolvedCodes['displaced'];
  /** History entries that are newer than the stored ones, and states. */
  readonly entries: readonly AccountEntry[];
  readonly states: readonly AccountStateRow[];
  /** History entries that are older than stored ones. */
  readonly late: readonly AccountEntry[];
  readonly result: ApplyResult;
};

export type ChangedRow = { readonly row: SavedRow; readonly before: AccountRow };

/** A code to save. `isFirst`: that of a new account, which is due before all others. */
export type SavedCode = { readonly row: SavedRow; readonly isFirst: boolean };

export type PatchOptions = {
  readonly codes: CodeRules;
  /** Accounts outside the changes that have one of their codes. */
  readonly owners: readonly CodeOwner[];
  /** ISO 8601. */
  readonly at: string;
};

/**
 * Merges changes of accounts, and decides their codes, staleness and history.
 * @param before the accounts that are in the mirror, by id
 */
export function planPatch(
  before: ReadonlyMap<string, AccountRow>,
  changes: readonly AccountChange[],
  { codes, owners, at }: PatchOptions,
): Patch {
  const storable = changes.map((change) => ({ ...change, change: toStorable(change.change) }));
  const byAccount = Map.groupBy(storable, ({ accountId }) => accountId);
  const outcomes = [...byAccount].map(([id, own]) => applyToAccount(id, before.get(id), own, codes, at));
  const { rows, displaced } = resolveCodeConflicts(
    outcomes.flatMap((outcome) => (outcome.changed ? [outcome.row] : [])),
    before,
    owners,
    codes.generate,
    at,
  );
  const idsOf = (picked: readonly Outcome[]): string[] => picked.map(({ row }) => row.id);
  const history = outcomes.map((outcome) => historyOf(outcome, before.get(outcome.row.id)));
  return {
    added: rows.filter(({ id }) => !before.has(id)),
    changed: rows.flatMap((row) => {
      const known = before.get(row.id);
      return known === undefined ? [] : [{ row, before: known }];
    }),
    codes: rows
      .filter(({ id, code }) => code !== before.get(id)?.code)
      .map((row) => ({ row, isFirst: isNew(codes, row.merged) })),
    releasing: rows.filter((row) => releasesCode(row, before.get(row.id))).map(({ id }) => id),
    displaced,
    entries: history.flatMap(({ entries }) => entries),
    states: history.flatMap(({ states }) => states),
    late: history.flatMap(({ late }) => late),
    result: {
      created: idsOf(outcomes.filter(({ row }) => !before.has(row.id))),
      updated: idsOf(outcomes.filter(({ row }) => before.has(row.id) && row.visible)),
      unchanged: idsOf(outcomes.filter(({ row }) => before.has(row.id) && !row.visible)),
      writeBacks: rows.filter((row) => needsWriteBack(row, before.get(row.id))).map(({ id }) => id),
      confirmed: rows.flatMap((row) => newlyConfirmed(row, before.get(row.id))),
      stale: idsOf(outcomes.filter(({ becameStale }) => becameStale)),
      newer: idsOf(outcomes.filter(({ hadNewer }) => hadNewer)),
    },
  };
}

function releasesCode({ code }: SavedRow, before: AccountRow | undefined): boolean {
  const old = before?.code.signupCode ?? null;
  return old !== null && old !== code.signupCode;
}

function historyOf(
  { row, draft }: Outcome,
  before: AccountRow | undefined,
): Pick<Patch, 'entries' | 'states' | 'late'> {
  const accountId = row.id;
  const { base } = draft;
  const checkpoint = createCheckpoint(draft, before?.historyLength ?? 0, row);
  return {
    entries: draft.entries.map((entry) => ({ accountId, entry })),
    late: draft.late.map((entry) => ({ accountId, entry })),
    states: [
      ...(base === null ? [] : [{ ...base, accountId, isBase: true }]),
      // One statement may write a row only once: the base can be the checkpoint too.
      ...(checkpoint === null || (base !== null && compareVersions(base.version, checkpoint.version) === 0)
        ? []
        : [{ ...checkpoint, accountId, isBase: false }]),
    ],
  };
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
    const { eligible } = accountChange;
    const change = keepValues(merged, accountChange.change);
    const next = merge(merged, change);
    const gap = accountChange.gap || becomesPerson(merged, next, change);
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

/** Whether an event replaces the name of a business account by parts: those that it does not name have to be read. */
function becomesPerson(before: Merged, after: Merged, { kind, readFields }: Change): boolean {
  const isEvent = kind === 'patch' && readFields === undefined;
  return isEvent && (before.values.get(nameField) ?? null) !== null && after.values.get(nameField) === null;
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

function newlyConfirmed({ id, code }: SavedRow, before: AccountRow | undefined): ConfirmedCode[] {
  const { signupCode, assignedAt } = before?.code ?? noCode;
  if (signupCode === null || assignedAt === undefined) return [];
  if (code.state !== 'confirmed' || code.signupCode !== signupCode) return [];
  return [{ accountId: id, code: signupCode, assignedAt }];
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
