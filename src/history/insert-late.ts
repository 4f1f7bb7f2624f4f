import { type Change, changedPaths, type Merged, merge, topOf } from '../apply/merge.ts';
import { compareVersions, type Version } from '../apply/version.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { changeOfEntry, type Entry, follow, type KnownState, unknownState } from './entry.ts';

/** A state on record, with all changes up to its version in it. */
export type StateRow = { readonly version: Version; readonly known: KnownState };

/** What is on record of an account behind some state, and that state, in the order of the versions. */
export type RecordedHistory = {
  readonly states: readonly RecordedState[];
  readonly entries: readonly Entry[];
};

export type RecordedState = StateRow & { readonly isBase: boolean };

/** What has to be written so that late changes are where they belong. */
export type LateOutcome = {
  readonly inserted: readonly Entry[];
  readonly rewritten: readonly Entry[];
  readonly states: readonly RecordedState[];
};

/** Lets late changes of one account slip in, one after the other; of several with one version the first counts. */
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

// Changes between a late one and the state before it that are followed at most, but for those of one batch.
const longestWay = 20;

/**
 * Where one late change after another slips in at the same place, as a backlog behind a reading does, they would all be
 * followed for the next one. So a state goes on record where they have come to.
 */
function interimState({ states, entries }: RecordedHistory, { version }: Entry): StateRow | null {
  const isUpTo = (row: { readonly version: Version }): boolean => compareVersions(row.version, version) <= 0;
  const start = states.findLast(isUpTo);
  const way = entries.filter((entry) => isUpTo(entry) && (start === undefined || isBefore(start, entry)));
  if (way.length <= longestWay) return null;
  return { version, known: way.reduce(follow, start?.known ?? unknownState) };
}

function byVersion<T extends { readonly version: Version }>(rows: readonly T[]): Map<Version, T> {
  return new Map(rows.map((row) => [row.version, row]));
}

/** The part of a history that a late change can touch: a state before it, and all that is behind that state. */
type HistorySlice = {
  readonly start: KnownState;
  readonly entries: readonly Entry[];
  readonly states: readonly StateRow[];
};

/**
 * What has to be written anew so that a change slips in at its place: the states behind it, and the readings behind it
 * that name only what they changed, since what they met is not the same any more.
 */
function insertLate({ start, entries, states }: HistorySlice, late: Entry): Omit<HistorySlice, 'start'> {
  const isBehind = ({ version }: { readonly version: Version }): boolean =>
    compareVersions(version, late.version) > 0;
  const change = changeOfEntry(start.merged, late);
  const later = states.filter(isBehind).map((row) => ({ ...row, known: includeIn(row.known, change, late) }));
  const behind = entries.filter(isBehind);
  if (behind.every(({ form }) => form !== 'confirmed')) return { entries: [], states: later };
  const touch = fieldsOf(late);
  const rewritten: Entry[] = [];
  let without = entries
    .filter((entry) => !isBehind(entry))
    .reduce<KnownState>((state, entry) => follow(state, touch.inEntry(entry)), touch.inState(start));
  let withIt = follow(without, late);
  let passed = 0;
  for (const entry of behind) {
    // A state on record stands for all before it, of which not all is on record.
    for (let next = later[passed]; next !== undefined && isBefore(next, entry); next = later[passed]) {
      withIt = touch.inState(next.known);
      without = touch.inState(stateAt(states, next.version));
      passed++;
    }
    const touched = touch.inEntry(entry);
    const whole = changeOfEntry(without.merged, touched);
    const adjusted =
      entry.form === 'confirmed' ? { ...touched, written: met(withIt.merged, whole) } : touched;
    if (!isSame(adjusted, touched))
      rewritten.push({ ...entry, written: touch.replace(entry.written, adjusted.written) });
    without = follow(without, touched);
    withIt = follow(withIt, adjusted);
  }
  return { entries: rewritten, states: later };
}

/**
 * Looks at nothing but the fields that a change writes, where it names them: it makes no difference to any other, and
 * an account has many. A part of a field is looked at with all of that field, whose version may be that of the part.
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
