import {
  type Change,
  changedPaths,
  deletedField,
  emptyState,
  isComplete,
  type Merged,
  merge,
  newestVersion,
  topOf,
} from '../apply/merge.ts';
import { compareVersions, isReadVersion, laterVersion, type Version } from '../apply/version.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';

/** A change of one account as it is kept. */
export type Entry = {
  readonly version: Version;
  /**
   * `some`: only what is named was written. `all`: what is not named became empty. `confirmed`: a reading of all
   * fields, of which only those are named that it changed: most readings change nothing.
   */
  readonly form: 'some' | 'all' | 'confirmed';
  readonly written: FieldValues;
  /** Top-level fields of which it knows nothing. */
  readonly unreadFields: ReadonlySet<string>;
  /** It said that there is more than it told. */
  readonly gap: boolean;
  readonly origin: Origin;
};

/** Where a change comes from: an event of the log, or a reading, by a resync or for the account alone. */
export type Origin = {
  readonly changeType: string | null;
  readonly eventId: bigint | null;
  readonly resyncId: string | null;
};

/** What is known of an account at a place of its history. */
export type KnownState = {
  readonly merged: Merged;
  /** The version that a reading has to reach before the values are certain again. */
  readonly staleVersion: Version | null;
};

export const unknownState: KnownState = { merged: emptyState, staleVersion: null };

/** What is kept of a change that comes behind all others; `before` is the state it meets. */
export function entryOf(before: Merged, change: Change, gap: boolean, origin: Origin): Entry {
  const { version, kind, values, unreadFields = none } = change;
  const kept = { version, unreadFields, gap, origin };
  if (kind === 'patch') return { ...kept, form: 'some', written: values };
  if (!isReadVersion(version) || !isComplete(before))
    return { ...kept, form: 'all', written: filled(values) };
  const after = merge(before, change);
  return { ...kept, form: 'confirmed', written: written(changedPaths(before, after), after) };
}

/** The same of a change that does not come behind all others: it stands by itself. */
export function wholeEntryOf(change: Change, gap: boolean, origin: Origin): Entry {
  const { version, kind, values, unreadFields = none } = change;
  const kept = { version, unreadFields, gap, origin };
  if (kind === 'patch') return { ...kept, form: 'some', written: values };
  return { ...kept, form: 'all', written: filled(values) };
}

/** Whether a change comes behind everything that is known. */
export function isNewest(before: Merged, version: Version): boolean {
  return before === emptyState || compareVersions(version, newestVersion(before)) > 0;
}

/** The state behind an entry. Entries are taken in the order of their versions. */
export function follow(state: KnownState, entry: Entry): KnownState {
  const merged = merge(state.merged, changeOfEntry(state.merged, entry));
  const { staleVersion: stale } = state;
  const uncertain = !entry.gap ? stale : stale === null ? entry.version : laterVersion(stale, entry.version);
  return { merged, staleVersion: uncertain !== null && isCertain(merged, uncertain) ? null : uncertain };
}

/** What an entry says, in full. */
export function changeOfEntry(
  { values: before }: Merged,
  { form, version, written, unreadFields }: Entry,
): Change {
  if (form !== 'confirmed') {
    const kind = form === 'some' ? 'patch' : 'snapshot';
    return { version, kind, values: written, unreadFields };
  }
  const confirmed = [...before].filter(([path]) => !unreadFields.has(topOf(path)));
  return { version, kind: 'snapshot', values: new Map([...confirmed, ...written]), unreadFields };
}

/** A field's new value, and the one before where it is known. */
export type FieldChange = { readonly field: string; readonly before?: Scalar; readonly after: Scalar };

/** What an entry changed; what it named although it already was so is left out. */
export function fieldChanges(before: Merged, after: Merged, { origin }: Entry): FieldChange[] {
  const isNew = origin.changeType === 'CREATE';
  const paths = new Set([...before.values.keys(), ...after.values.keys()]);
  return [...paths].sort().flatMap((field): FieldChange[] => {
    const value = after.values.get(field) ?? null;
    const known = isComplete(before) || before.values.has(field) || isNew;
    if (known && (before.values.get(field) ?? null) === value) return [];
    if (!known && value === null && isComplete(after)) return [];
    return [
      known ? { field, before: before.values.get(field) ?? null, after: value } : { field, after: value },
    ];
  });
}

/** Of what is deleted there is nothing more to be known. */
function isCertain({ values, baseVersion, fieldVersions }: Merged, stale: Version): boolean {
  const known =
    values.get(deletedField) === true ? (fieldVersions.get(deletedField) ?? baseVersion) : baseVersion;
  return compareVersions(known, stale) >= 0;
}

function written(paths: readonly string[], { values }: Merged): Map<string, Scalar> {
  return new Map(paths.map((path) => [path, values.get(path) ?? null]));
}

function filled(values: FieldValues): Map<string, Scalar> {
  return new Map([...values].filter(([, value]) => value !== null));
}

const none: ReadonlySet<string> = new Set();
