import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { compareVersions, laterVersion, type Version, zeroVersion } from './version.ts';

/** Deletion is a field like the others. */
export const deletedField = 'IsDeleted';

/** What became known of one account at one version. */
export type Change = {
  readonly version: Version;
  /**
   * `snapshot`: these are all values; a field that is not named is empty (CREATE, UNDELETE, a record read).
   * `patch`: only the named fields changed (UPDATE, DELETE).
   */
  readonly kind: 'snapshot' | 'patch';
  readonly values: FieldValues;
  /** Top-level fields that a snapshot does not cover: they stay unchanged. */
  readonly unreadFields?: ReadonlySet<string>;
  /** Paths of the values in which U+FFFD takes the place of a character that PostgreSQL does not store. */
  readonly replaced?: ReadonlySet<string>;
};

/** The merged state of one account: every value, and the version that last wrote it. */
export type Merged = {
  readonly values: FieldValues;
  /** Every field without a version of its own has this one. */
  readonly baseVersion: Version;
  /** Versions of their own: of fields written later, or not known to the reading that the base comes from. */
  readonly fieldVersions: ReadonlyMap<string, Version>;
};

export const emptyState: Merged = { values: new Map(), baseVersion: zeroVersion, fieldVersions: new Map() };

/**
 * Merges a change: it writes a field only if its version is greater than the field's. So the order, the repetition
 * and the source of changes do not matter; the same set of changes ends in the same state.
 *
 * @returns the state before, the same object, where the change brought nothing
 */
export function merge(before: Merged, change: Change): Merged {
  return change.kind === 'snapshot' ? mergeSnapshot(before, change) : mergePatch(before, change);
}

function mergePatch(before: Merged, { values: changed, version }: Change): Merged {
  let values: Map<string, Scalar> | undefined;
  let fieldVersions: Map<string, Version> | undefined;
  for (const [path, value] of changed) {
    if (compareVersions(version, fieldVersion(before, path)) <= 0) continue;
    values ??= new Map(before.values);
    fieldVersions ??= new Map(before.fieldVersions);
    values.set(path, value);
    fieldVersions.set(path, version);
  }
  return values === undefined || fieldVersions === undefined
    ? before
    : { values, baseVersion: before.baseVersion, fieldVersions };
}

function mergeSnapshot(before: Merged, change: Change): Merged {
  const { values: changed, version, unreadFields = noFields } = change;
  if (compareVersions(version, before.baseVersion) <= 0) return mergeBehindBase(before, change);
  const isUnread = (path: string): boolean => unreadFields.has(topOf(path));
  const fieldVersions = new Map(
    [...before.fieldVersions].filter(([path, at]) => isUnread(path) || compareVersions(at, version) > 0),
  );
  // What the change does not know keeps its version, also where nothing is known of it yet.
  for (const path of [...unreadFields, ...before.values.keys()])
    if (isUnread(path)) fieldVersions.set(path, fieldVersion(before, path));
  const values = new Map<string, Scalar>();
  for (const path of before.values.keys()) values.set(path, null);
  for (const [path, value] of changed) values.set(path, value);
  for (const path of fieldVersions.keys()) values.set(path, before.values.get(path) ?? null);
  return { values, baseVersion: version, fieldVersions };
}

/** Only what the reading that set the base did not know can still be older than this change. */
function mergeBehindBase(before: Merged, change: Change): Merged {
  const { values: changed, version, unreadFields = noFields } = change;
  const older = [
    ...new Set([...before.fieldVersions.keys(), ...changed.keys(), ...before.values.keys()]),
  ].filter(
    (path) => !unreadFields.has(topOf(path)) && compareVersions(fieldVersion(before, path), version) < 0,
  );
  if (older.length === 0) return before;
  const values = new Map(before.values);
  const fieldVersions = new Map(before.fieldVersions);
  for (const path of older) {
    values.set(path, changed.get(path) ?? null);
    fieldVersions.set(path, version);
  }
  return { values, baseVersion: before.baseVersion, fieldVersions };
}

const noFields: ReadonlySet<string> = new Set();

/** `BillingAddress.City` → `BillingAddress` */
export function topOf(path: string): string {
  const dot = path.indexOf('.');
  return dot === -1 ? path : path.slice(0, dot);
}

/** A part without a version of its own has that of its field. */
export function fieldVersion({ fieldVersions, baseVersion }: Merged, path: string): Version {
  return fieldVersions.get(path) ?? fieldVersions.get(topOf(path)) ?? baseVersion;
}

/** The greatest version in the state. */
export function newestVersion({ baseVersion, fieldVersions }: Merged): Version {
  let newest = baseVersion;
  for (const version of fieldVersions.values()) newest = laterVersion(newest, version);
  return newest;
}

/** Whether every field has been written at least once: by a CREATE, an UNDELETE or a reading. */
export function isComplete({ baseVersion }: Pick<Merged, 'baseVersion'>): boolean {
  return compareVersions(baseVersion, zeroVersion) > 0;
}

/** Paths whose values differ; an absent value is an empty one. */
export function changedPaths(before: Merged, after: Merged): string[] {
  if (before === after) return [];
  const paths = new Set([...before.values.keys(), ...after.values.keys()]);
  return [...paths].filter((path) => (before.values.get(path) ?? null) !== (after.values.get(path) ?? null));
}
