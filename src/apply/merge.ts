import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { compareVersions, laterVersion, type Version, zeroVersion } from './version.ts';

/** Deletion is a field like the others. */
export const deletedField = 'IsDeleted';

/** Values of an account at one version, from an event or a read. */
export type Change = {
  readonly version: Version;
  /**
   * `snapshot`: all values; a missing field is empty (CREATE, UNDELETE, a read).
   * `patch`: the changed fields only (UPDATE, DELETE).
   */
  readonly kind: 'snapshot' | 'patch';
  readonly values: FieldValues;
  /** Top-level fields that a snapshot does not cover: they stay unchanged. */
  readonly unreadFields?: ReadonlySet<string>;
  /** Top-level fields that Salesforce may not show: a value that the mirror has stays. */
  readonly keptFields?: ReadonlySet<string>;
  /** Set for a patch by a read of these top-level fields alone. */
  readonly readFields?: ReadonlySet<string>;
  /** `SystemModstamp` of a record that was read, epoch milliseconds. */
  readonly modifiedAt?: number;
  /** Paths of values in which U+FFFD replaces a character that PostgreSQL cannot store. */
  readonly replaced?: ReadonlySet<string>;
};

/** The merged state of an account: its values, and the version that last wrote each of them. */
export type Merged = {
  readonly values: FieldValues;
  /** The version of all fields without an entry in `fieldVersions`. */
  readonly baseVersion: Version;
  /** Versions of fields that were written later, or that the snapshot of the base did not cover. */
  readonly fieldVersions: ReadonlyMap<string, Version>;
};

export const emptyState: Merged = { values: new Map(), baseVersion: zeroVersion, fieldVersions: new Map() };

/**
 * Merges a change: a field is written only if the version of the change is greater than that of the field. The same set
 * of changes therefore gives the same state, independently of order, repetition and source.
 *
 * @returns the same object if the change has no effect
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
  if (compareVersions(version, before.baseVersion) <= 0) return mergeOlderSnapshot(before, change);
  const isUnread = (path: string): boolean => unreadFields.has(topOf(path));
  const fieldVersions = new Map(
    [...before.fieldVersions].filter(([path, at]) => isUnread(path) || compareVersions(at, version) > 0),
  );
  // Fields that the change does not cover keep their version, even if they have no value yet.
  for (const path of [...unreadFields, ...before.values.keys()])
    if (isUnread(path)) fieldVersions.set(path, fieldVersion(before, path));
  const values = new Map<string, Scalar>();
  for (const path of before.values.keys()) values.set(path, null);
  for (const [path, value] of changed) values.set(path, value);
  for (const path of fieldVersions.keys()) values.set(path, before.values.get(path) ?? null);
  return { values, baseVersion: version, fieldVersions };
}

/** Merges a snapshot that is not newer than the base: only fields with an older version of their own can change. */
function mergeOlderSnapshot(before: Merged, change: Change): Merged {
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

/** The version of a field; a part without an own version has that of its field. */
export function fieldVersion({ fieldVersions, baseVersion }: Merged, path: string): Version {
  return fieldVersions.get(path) ?? fieldVersions.get(topOf(path)) ?? baseVersion;
}

/** The greatest version in the state. */
export function newestVersion({ baseVersion, fieldVersions }: Merged): Version {
  let newest = baseVersion;
  for (const version of fieldVersions.values()) newest = laterVersion(newest, version);
  return newest;
}

/** Whether all fields are known: from a CREATE, an UNDELETE or a read. */
export function isComplete({ baseVersion }: Pick<Merged, 'baseVersion'>): boolean {
  return compareVersions(baseVersion, zeroVersion) > 0;
}

/** Paths whose values differ; a missing value equals an empty one. */
export function changedPaths(before: Merged, after: Merged): string[] {
  if (before === after) return [];
  const paths = new Set([...before.values.keys(), ...after.values.keys()]);
  return [...paths].filter((path) => (before.values.get(path) ?? null) !== (after.values.get(path) ?? null));
}
