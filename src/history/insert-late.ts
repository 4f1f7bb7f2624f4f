import { type Change, changedPaths, type Merged, merge, topOf } from '../apply/merge.ts';
import { compareVersions, type Version } from '../apply/version.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { changeOfEntry, type Entry, isRelative, type KnownState, replay, unknownState } from './entry.ts';

/** A saved state with all changes up to its version. */
export type StateRow = { readonly version: Version; readonly known: KnownState };

/** The saved history of an account from some state on, in the order of the versions. */
export type RecordedHistory = {
  readonly states: readonly RecordedState[];
  readonly entries: readonly Entry[];
};

export type RecordedState = StateRow & { readonly isBase: boolean };

/** The rows to write for late changes. */
export type LateOutcome = {
  readonly inserted: readonly Entry[];
  readonly rewritten: readonly Entry[];
  readonly states: readonly RecordedState[];
};

/** Inserts late changes of one account one by one; the first one of a version counts. */
export function insertAllLate(history: RecordedHistory, late: readonly Entry[]): LateOutcome {
  let { states, entries } = history;
  const inserted = new Set<Version>();
  const changed = new Set<Version>();
  for (const entry of late) {
    if (entries.some(({ version }) => compareVersions(version, entry.version) === 0)) continue;
    const start = states.findLast(({ version }) => compareVersions(version, entry.version) <= 0);
    const behindStart = start === undefined ? entries : entries.filter((one) => isBefore(start, one));
    const outcome = insertLate(
      {
        start: start?.known ?? unknownState,
        entries: behindStart,
        states: states.filter(({ version }) => compareVersions(version, entry.version) > 0),
      },
      entry,
    );
    const rewritten = byVersion(outcome.entries);
    const known = byVersion(outcome.states);
    const place = entries.findLastIndex(({ version }) => compareVersions(version, entry.version) < 0) + 1;
    entries = entries.map((one) => rewritten.get(one.version) ?? one).toSpliced(place, 0, entry);
    states = states.map((row) => ({ ...row, ...known.get(row.version) }));
    inserted.add(entry.version);
    for (const version of [...rewritten.keys(), ...known.keys()]) changed.add(version);
  }
  const reached = entries.findLast(({ version }) => inserted.has(version));
  const interimCheckpoint = reached === undefined ? null : interimState({ states, entries }, reached);
  return {
    inserted: entries.filter(({ version }) => inserted.has(version)),
    rewritten: entries.filter(({ version }) => changed.has(version) && !inserted.has(version)),
    states: [
      ...states.filter(({ version }) => changed.has(version)),
      ...(interimCheckpoint === null ? [] : [{ ...interimCheckpoint, isBase: false }]),
    ],
  };
}

// Changes to replay between a state and a late change before a checkpoint is added.
const maxReplayed = 20;

/** A checkpoint for many late changes at one place, as from a backlog after a read: each would replay all before it. */
function interimState({ states, entries }: RecordedHistory, { version }: Entry): StateRow | null {
  const isUpTo = (row: { readonly version: Version }): boolean => compareVersions(row.version, version) <= 0;
  const start = states.findLast(isUpTo);
  const replayed = entries.filter(
    (entry) => isUpTo(entry) && (start === undefined || isBefore(start, entry)),
  );
  if (replayed.length <= maxReplayed) return null;
  return { version, known: replayed.reduce(replay, start?.known ?? unknownState) };
}

function byVersion<T extends { readonly version: Version }>(rows: readonly T[]): Map<Version, T> {
  return new Map(rows.map((row) => [row.version, row]));
}

/** The part of a history that a late change can affect: a state before it, and everything after that state. */
type HistorySlice = {
  readonly start: KnownState;
  readonly entries: readonly Entry[];
  readonly states: readonly StateRow[];
};

/**
 * Finds the rows that a late change affects: the states after it, and the reads after it that have only changed fields,
 * because the state before them differs now.
 */
function insertLate({ start, entries, states }: HistorySlice, late: Entry): Omit<HistorySlice, 'start'> {
  const isBehind = ({ version }: { readonly version: Version }): boolean =>
    compareVersions(version, late.version) > 0;
  const change = changeOfEntry(start.merged, late);
  const later = states.filter(isBehind).map((row) => ({ ...row, known: includeIn(row.known, change, late) }));
  const behind = entries.filter(isBehind);
  if (!behind.some(isRelative)) return { entries: [], states: later };
  const touch = fieldsOf(late);
  const rewritten: Entry[] = [];
  let without = entries
    .filter((entry) => !isBehind(entry))
    .reduce<KnownState>((state, entry) => replay(state, touch.inEntry(entry)), touch.inState(start));
  let withIt = replay(without, late);
  let passed = 0;
  for (const entry of behind) {
    // A saved state replaces the changes before it, which may not all be saved.
    for (let next = later[passed]; next !== undefined && isBefore(next, entry); next = later[passed]) {
      withIt = touch.inState(next.known);
      without = touch.inState(stateAt(states, next.version));
      passed++;
    }
    const touched = touch.inEntry(entry);
    const whole = coverReadFields(changeOfEntry(without.merged, touched), withIt.merged);
    const adjusted = isRelative(entry) ? { ...touched, written: met(withIt.merged, whole) } : touched;
    if (!isSame(adjusted, touched))
      rewritten.push({ ...entry, written: touch.replace(entry.written, adjusted.written) });
    without = replay(without, touched);
    withIt = replay(withIt, adjusted);
  }
  return { entries: rewritten, states: later };
}

/** Parts of the read fields that were not known before the late change were empty when they were read. */
function coverReadFields(change: Change, { values }: Merged): Change {
  const { readFields } = change;
  if (readFields === undefined) return change;
  const empty = [...values.keys()].filter((path) => readFields.has(topOf(path)) && !change.values.has(path));
  return { ...change, values: new Map([...change.values, ...empty.map((path) => [path, null] as const)]) };
}

/**
 * Limits the replay to the fields that a change writes. A part of a compound field includes the whole field, whose
 * version may apply to the part.
 */
function fieldsOf({ form, written }: Entry) {
  const fields = new Set([...written.keys()].map(topOf));
  const isTouched = (path: string): boolean => form !== 'some' || fields.has(topOf(path));
  const within = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...map].filter(([path]) => isTouched(path)));
  return {
    inState: ({ merged: { values, baseVersion, fieldVersions }, staleVersion }: KnownState): KnownState => ({
      merged: { values: within(values), baseVersion, fieldVersions: within(fieldVersions) },
      staleVersion,
    }),
    inEntry: (entry: Entry): Entry => ({
      ...entry,
      written: within(entry.written),
      unreadFields: new Set([...entry.unreadFields].filter(isTouched)),
      ...(entry.readFields && { readFields: new Set([...entry.readFields].filter(isTouched)) }),
    }),
    replace: (all: FieldValues, touched: FieldValues): FieldValues =>
      new Map([...[...all].filter(([path]) => !isTouched(path)), ...touched]),
  };
}

function isBefore(state: StateRow, entry: Entry): boolean {
  return compareVersions(state.version, entry.version) < 0;
}

function stateAt(states: readonly StateRow[], version: Version): KnownState {
  return states.find((state) => state.version === version)?.known ?? unknownState;
}

function includeIn(
  { merged, staleVersion }: KnownState,
  change: Change,
  { gap, version }: Entry,
): KnownState {
  const next = merge(merged, change);
  const open = gap && compareVersions(next.baseVersion, version) < 0;
  const later = staleVersion === null || compareVersions(version, staleVersion) > 0;
  return { merged: next, staleVersion: open && later ? version : staleVersion };
}

function met(before: Merged, change: Change): Map<string, Scalar> {
  const after = merge(before, change);
  return new Map(changedPaths(before, after).map((path) => [path, after.values.get(path) ?? null]));
}

function isSame(a: Entry, b: Entry): boolean {
  return (
    a === b ||
    (a.written.size === b.written.size &&
      [...a.written].every(([path, value]) => b.written.has(path) && b.written.get(path) === value))
  );
}
