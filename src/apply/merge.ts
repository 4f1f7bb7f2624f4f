import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { compareVersions, laterVersion, never, type Version } from './version.ts';

/** Deletion is a field like the others. */
export const deletedField = 'IsDeleted';

/** What became known of one account at one version. */
export type Change = {
  readonly version: Version;
  /**
   * `all`: these are all its values, what is not named is empty (CREATE, UNDELETE, a record read).
   * `some`: only what is named changed (UPDATE, DELETE).
   */
  readonly extent: 'all' | 'some';
  readonly values: FieldValues;
  /** Top-level fields of which a change of extent `all` knows nothing: they stay as they are. */
  readonly except?: ReadonlySet<string>;
  /** Paths of the values in which U+FFFD takes the place of a character that PostgreSQL does not store. */
  readonly replaced?: ReadonlySet<string>;
};

/** The merged state of one account: every value, and the version that last wrote it. */
export type Merged = {
  readonly values: FieldValues;
  /** Every field without a version of its own has this one. */
  readonly base: Version;
  /** Versions of their own: of fields written later, or not known to the reading that the base comes from. */
  readonly ahead: ReadonlyMap<string, Version>;
};

export const nothing: Merged = { values: new Map(), base: never, ahead: new Map() };

/**
 * Merges a change: it writes a field only if its version is greater than the field's. So the order, the repetition
 * and the source of changes do not matter; the same set of changes ends in the same state.
 *
 * @returns the state before, the same object, where the change brought nothing
 */
export function merge(before: Merged, change: Change): Merged {
  return change.extent === 'all' ? mergeAll(before, change) : mergeSome(before, change);
}

function mergeSome(before: Merged, { values: changed, version }: Change): Merged {
  let values: Map<string, Scalar> | undefined;
  let ahead: Map<string, Version> | undefined;
  for (const [path, value] of changed) {
    if (compareVersions(version, fieldVersion(before, path)) <= 0) continue;
    values ??= new Map(before.values);
    ahead ??= new Map(before.ahead);
    values.set(path, value);
    ahead.set(path, version);
  }
  return values === undefined || ahead === undefined ? before : { values, base: before.base, ahead };
}

function mergeAll(before: Merged, change: Change): Merged {
  const { values: changed, version, except = noFields } = change;
  if (compareVersions(version, before.base) <= 0) return mergeBehindBase(before, change);
  const untold = (path: string): boolean => except.has(topOf(path));
  const ahead = new Map(
    [...before.ahead].filter(([path, at]) => untold(path) || compareVersions(at, version) > 0),
  );
  // What the change does not know keeps its version, also where nothing is known of it yet.
  for (const path of [...except, ...before.values.keys()])
    if (untold(path)) ahead.set(path, fieldVersion(before, path));
  const values = new Map<string, Scalar>();
  for (const path of before.values.keys()) values.set(path, null);
  for (const [path, value] of changed) values.set(path, value);
  for (const path of ahead.keys()) values.set(path, before.values.get(path) ?? null);
  return { values, base: version, ahead };
}

/** Only what the reading that set the base did not know can still be older than this change. */
function mergeBehindBase(before: Merged, change: Change): Merged {
  const { values: changed, version, except = noFields } = change;
  const older = [...new Set([...before.ahead.keys(), ...changed.keys(), ...before.values.keys()])].filter(
    (path) => !except.has(topOf(path)) && compareVersions(fieldVersion(before, path), version) < 0,
  );
  if (older.length === 0) return before;
  const values = new Map(before.values);
  const ahead = new Map(before.ahead);
  for (const path of older) {
    values.set(path, changed.get(path) ?? null);
    ahead.set(path, version);
  }
  return { values, base: before.base, ahead };
}

const noFields: ReadonlySet<string> = new Set();

/** `BillingAddress.City` → `BillingAddress` */
export function topOf(path: string): string {
  const dot = path.indexOf('.');
  return dot === -1 ? path : path.slice(0, dot);
}

/** A part without a version of its own has that of its field. */
export function fieldVersion({ ahead, base }: Merged, path: string): Version {
  return ahead.get(path) ?? ahead.get(topOf(path)) ?? base;
}

/** The greatest version in the state. */
export function newestVersion({ base, ahead }: Merged): Version {
  let newest = base;
  for (const version of ahead.values()) newest = laterVersion(newest, version);
  return newest;
}

/** Whether every field has been written at least once: by a CREATE, an UNDELETE or a reading. */
export function isComplete({ base }: Pick<Merged, 'base'>): boolean {
  return compareVersions(base, never) > 0;
}

/** Paths whose values differ; an absent value is an empty one. */
export function changedPaths(before: Merged, after: Merged): string[] {
  if (before === after) return [];
  const paths = new Set([...before.values.keys(), ...after.values.keys()]);
  return [...paths].filter((path) => (before.values.get(path) ?? null) !== (after.values.get(path) ?? null));
}
