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

/** A saved change of one account. */
export type Entry = {
  readonly version: Version;
  /**
   * `some`: a patch. `all`: a snapshot. `confirmed`: a snapshot by a read, of which only the fields that it changed are
   * saved: most reads change nothing. `fields`: the same of a read of single fields.
   */
  readonly form: 'some' | 'all' | 'confirmed' | 'fields';
  readonly written: FieldValues;
  /** Top-level fields that a snapshot does not cover. */
  readonly unreadFields: ReadonlySet<string>;
  /** Top-level fields that were read; only of the form `fields`. */
  readonly readFields?: ReadonlySet<string>;
  /** Whether the change has values that are not in the event. */
  readonly gap: boolean;
  readonly origin: Origin;
};

/** The source of a change: an event, or a read by a resync or of the single account. */
export type Origin = {
  readonly changeType: string | null;
  readonly eventId: bigint | null;
  readonly resyncId: string | null;
};

/** The state of an account at a version of its history. */
export type KnownState = {
  readonly merged: Merged;
  /** The version that a read must reach to make the values certain again. */
  readonly staleVersion: Version | null;
};

export const unknownState: KnownState = { merged: emptyState, staleVersion: null };

/** The entry of a change that is newer than all others. */
export function toEntryAfter(before: Merged, change: Change, gap: boolean, origin: Origin): Entry {
  const { version, kind, values, unreadFields = none, readFields } = change;
  const kept = { version, unreadFields, gap, origin };
  if (kind === 'patch' && readFields !== undefined && isComplete(before)) {
    const after = merge(before, change);
    return { ...kept, form: 'fields', readFields, written: written(changedPaths(before, after), after) };
  }
  if (kind === 'patch') return { ...kept, form: 'some', written: values };
  if (!isReadVersion(version) || !isComplete(before))
    return { ...kept, form: 'all', written: filled(values) };
  const after = merge(before, change);
  return { ...kept, form: 'confirmed', written: written(changedPaths(before, after), after) };
}

/** The entry of a change with all its values, independent of the state before it. */
export function toFullEntry(change: Change, gap: boolean, origin: Origin): Entry {
  const { version, kind, values, unreadFields = none } = change;
  const kept = { version, unreadFields, gap, origin };
  if (kind === 'patch') return { ...kept, form: 'some', written: values };
  return { ...kept, form: 'all', written: filled(values) };
}

/** Whether a version is newer than all known ones. */
export function isNewest(before: Merged, version: Version): boolean {
  return before === emptyState || compareVersions(version, newestVersion(before)) > 0;
}

/** The state after an entry. Entries are replayed in the order of their versions. */
export function replay(state: KnownState, entry: Entry): KnownState {
  const merged = merge(state.merged, changeOfEntry(state.merged, entry));
  const { staleVersion: stale } = state;
  const uncertain = !entry.gap ? stale : stale === null ? entry.version : laterVersion(stale, entry.version);
  return { merged, staleVersion: uncertain !== null && isCertain(merged, uncertain) ? null : uncertain };
}

/** Whether an entry has only what a read changed, so that it depends on the state before it. */
export function isRelative({ form }: Entry): boolean {
  return form === 'confirmed' || form === 'fields';
}

/** Restores the change of an entry. */
export function changeOfEntry(
  { values: before }: Merged,
  { form, version, written, unreadFields, readFields = none }: Entry,
): Change {
  if (form === 'fields') {
    const empty = [...readFields].map((name): [string, Scalar] => [name, null]);
    const confirmed = [...before].filter(([path]) => readFields.has(topOf(path)));
    return { version, kind: 'patch', values: new Map([...empty, ...confirmed, ...written]), readFields };
  }
  if (form !== 'confirmed') {
    const kind = form === 'some' ? 'patch' : 'snapshot';
    return { version, kind, values: written, unreadFields };
  }
  const confirmed = [...before].filter(([path]) => !unreadFields.has(topOf(path)));
  return { version, kind: 'snapshot', values: new Map([...confirmed, ...written]), unreadFields };
}

/** A field's new value, and the previous one if it is known. */
export type FieldChange = { readonly field: string; readonly before?: Scalar; readonly after: Scalar };

/** The fields that an entry changed, without those that already had the value. */
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

/** A deletion makes an account certain. */
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
