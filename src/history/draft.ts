import { type Change, emptyState, type Merged, newestVersion } from '../apply/merge.ts';
import { compareVersions, isReadVersion, type Version } from '../apply/version.ts';
import { type Entry, entryOf, isNewest, type KnownState, type Origin, wholeEntryOf } from './entry.ts';
import type { StateRow } from './insert-late.ts';

/** What has to be kept of the changes that one account met. */
export type Draft = {
  /**
   * Set while the row itself is all of the history but for readings that confirmed it: an account that a reading
   * brought. A first load writes no history.
   */
  readonly from: Version | null;
  /** Changes on record, about. */
  readonly length: number;
  /** Where the history begins, as soon as the row is about to change. */
  readonly base: StateRow | null;
  readonly entries: readonly Entry[];
  /** Changes that do not come behind all others. */
  readonly late: readonly Entry[];
};

export function beginDraft(from: Version | null, length: number): Draft {
  return { from, length, base: null, entries: [], late: [] };
}

/** Notes a change, and the state that it met. */
export function addToDraft(
  draft: Draft,
  before: Merged,
  { change, gap, origin }: { readonly change: Change; readonly gap: boolean; readonly origin: Origin },
): Draft {
  if (before === emptyState && isWholeReading(change)) return { ...draft, from: change.version };
  if (draft.from !== null && compareVersions(change.version, draft.from) === 0) return draft;
  const length = draft.length + 1;
  if (!isNewest(before, change.version)) {
    const late = [...draft.late, wholeEntryOf(change, gap, origin)];
    return { ...withBase(draft, before), length, late };
  }
  // A reading is told by what it changed only where all that it met is on record.
  const keep = draft.late.length > 0 ? wholeEntryOf : entryOf.bind(null, before);
  const entry = keep(change, gap, origin);
  const kept = entry.form === 'confirmed' && entry.written.size === 0 ? draft : withBase(draft, before);
  return { ...kept, length, entries: [...draft.entries, entry] };
}

// Changes of an account between two whole states of it on record: as many are followed at most to know a past state.
const checkpointEvery = 100;

/** A whole state is put on record now and then, so that no past state is far from one. */
export function checkpoint(draft: Draft, lengthBefore: number, known: KnownState): StateRow | null {
  const due = Math.floor(draft.length / checkpointEvery) > Math.floor(lengthBefore / checkpointEvery);
  return due && draft.from === null ? { version: newestVersion(known.merged), known } : null;
}

function withBase(draft: Draft, { values }: Merged): Draft {
  const { from } = draft;
  if (from === null) return draft;
  const known = { merged: { values, baseVersion: from, fieldVersions: new Map() }, staleVersion: null };
  return { ...draft, from: null, base: { version: from, known } };
}

function isWholeReading({ version, kind, unreadFields }: Change): boolean {
  return (
    kind === 'snapshot' && isReadVersion(version) && (unreadFields === undefined || unreadFields.size === 0)
  );
}
