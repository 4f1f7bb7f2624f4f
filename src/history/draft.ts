import { type Change, emptyState, type Merged, newestVersion } from '../apply/merge.ts';
import { compareVersions, isReadVersion, type Version } from '../apply/version.ts';
import {
  type Entry,
  isNewest,
  isRelative,
  type KnownState,
  type Origin,
  toEntryAfter,
  toFullEntry,
} from './entry.ts';
import type { StateRow } from './insert-late.ts';

/** The history entries of the changes that were merged into one account. */
export type Draft = {
  /**
   * Set while the row is the whole history, except for reads that confirmed it: the initial load writes no history.
   */
  readonly from: Version | null;
  /** Approximate number of saved changes. */
  readonly length: number;
  /** The start of the history, set when the row is about to change. */
  readonly base: StateRow | null;
  readonly entries: readonly Entry[];
  /** Changes that are older than known ones. */
  readonly late: readonly Entry[];
};

export function beginDraft(from: Version | null, length: number): Draft {
  return { from, length, base: null, entries: [], late: [] };
}

/** Adds a change. @param before the state before the change */
export function addToDraft(
  draft: Draft,
  before: Merged,
  { change, gap, origin }: { readonly change: Change; readonly gap: boolean; readonly origin: Origin },
): Draft {
  if (before === emptyState && isFullRead(change)) return { ...draft, from: change.version };
  if (draft.from !== null && compareVersions(change.version, draft.from) === 0) return draft;
  const length = draft.length + 1;
  if (!isNewest(before, change.version)) {
    const late = [...draft.late, toFullEntry(change, gap, origin)];
    return { ...withBase(draft, before), length, late };
  }
  // The changed fields describe a read only if the state before it is saved.
  const keep = draft.late.length > 0 ? toFullEntry : toEntryAfter.bind(null, before);
  const entry = keep(change, gap, origin);
  const kept = isRelative(entry) && entry.written.size === 0 ? draft : withBase(draft, before);
  return { ...kept, length, entries: [...draft.entries, entry] };
}

// Maximum number of changes to replay from a checkpoint.
const checkpointEvery = 100;

/** Creates a checkpoint of the state if one is due. */
export function createCheckpoint(draft: Draft, lengthBefore: number, known: KnownState): StateRow | null {
  const due = Math.floor(draft.length / checkpointEvery) > Math.floor(lengthBefore / checkpointEvery);
  return due && draft.from === null ? { version: newestVersion(known.merged), known } : null;
}

function withBase(draft: Draft, { values }: Merged): Draft {
  const { from } = draft;
  if (from === null) return draft;
  const known = { merged: { values, baseVersion: from, fieldVersions: new Map() }, staleVersion: null };
  return { ...draft, from: null, base: { version: from, known } };
}

function isFullRead({ version, kind, unreadFields }: Change): boolean {
  return (
    kind === 'snapshot' && isReadVersion(version) && (unreadFields === undefined || unreadFields.size === 0)
  );
}
