import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Change,
  changedPaths,
  emptyState,
  isComplete,
  type Merged,
  merge,
  newestVersion,
} from '../../src/apply/merge.ts';
import { compareVersions, formatVersion, type Version } from '../../src/apply/version.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { runs } from '../helpers/property.ts';
import { accountHistory } from './account-history.ts';

const mergeAll = (changes: readonly Change[]): Merged => changes.reduce(merge, emptyState);
const filled = (values: ReadonlyMap<string, Scalar>) =>
  Object.fromEntries([...values].filter(([, value]) => value !== null).sort(([a], [b]) => (a < b ? -1 : 1)));
const shown = ({ values, baseVersion, fieldVersions }: Merged) => ({
  values: filled(values),
  baseVersion: formatVersion(baseVersion),
  fieldVersions: Object.fromEntries([...fieldVersions].map(([path, at]) => [path, formatVersion(at)]).sort()),
});

describe('merges of account changes', () => {
  it('a merge of delayed events, gaps and reads at any moment ends in what Salesforce has', () => {
    fc.assert(
      fc.property(accountHistory, ({ changes, final }) => {
        expect(filled(mergeAll(changes).values)).toEqual(filled(final));
      }),
      runs,
    );
  });

  it('a merge ends in the same state in any order with any repetition', () => {
    fc.assert(
      fc.property(accountHistory, fc.infiniteStream(fc.nat()), ({ changes }, random) => {
        const disorder = [...changes, ...changes.filter(() => next(random) % 3 === 0)]
          .map((change) => ({ change, place: next(random) }))
          .sort((a, b) => a.place - b.place)
          .map(({ change }) => change);
        expect(shown(mergeAll(disorder))).toEqual(shown(mergeAll(changes)));
      }),
      runs,
    );
  });

  it('a partial change in pieces ends in the same state', () => {
    fc.assert(
      fc.property(accountHistory, ({ changes }) => {
        const pieces = changes.flatMap((change) =>
          change.kind === 'snapshot'
            ? [change]
            : [...change.values].map((entry) => ({ ...change, values: new Map([entry]) })),
        );
        expect(shown(mergeAll(pieces.toReversed()))).toEqual(shown(mergeAll(changes)));
      }),
      runs,
    );
  });

  it('a merge equals the naive model: for each field the write with the greatest version', () => {
    fc.assert(
      fc.property(accountHistory, ({ changes }) => {
        expect(filled(mergeAll(changes).values)).toEqual(filled(lastWriters(changes)));
      }),
      runs,
    );
  });

  it('a merge of the events up to any moment gives the state of that moment', () => {
    fc.assert(
      fc.property(
        accountHistory.filter(({ hasGaps }) => !hasGaps),
        fc.nat(),
        ({ inOrder, states }, pick) => {
          const moment = pick % inOrder.length;
          const state = mergeAll(inOrder.slice(0, moment + 1).toReversed());
          expect(filled(state.values)).toEqual(filled(states[moment] ?? new Map()));
        },
      ),
      runs,
    );
  });

  it('a merge reports what changed and returns the same object if nothing did', () => {
    fc.assert(
      fc.property(accountHistory, ({ changes }) => {
        const state = mergeAll(changes);
        for (const change of changes) expect(merge(state, change)).toBe(state);
        expect(changedPaths(emptyState, state).sort()).toEqual(Object.keys(filled(state.values)));
        expect(changes.map(({ version }) => version)).toContainEqual(newestVersion(state));
      }),
      runs,
    );
  });
});

describe('single changes', () => {
  const at = (seconds: number): Version => [seconds * 1000, 1n, 1, 0];
  const all = (seconds: number, values: Record<string, Scalar>): Change => ({
    version: at(seconds),
    kind: 'snapshot',
    values: new Map(Object.entries(values)),
  });
  const some = (seconds: number, values: Record<string, Scalar>): Change => ({
    ...all(seconds, values),
    kind: 'patch',
  });

  it('a patch keeps the other fields and null clears a field', () => {
    const state = mergeAll([all(1, { Name: 'A', Industry: 'Energy' }), some(2, { Industry: null })]);
    expect(filled(state.values)).toEqual({ Name: 'A' });
  });

  it('a snapshot clears fields that it does not name unless they were written later', () => {
    const state = mergeAll([
      all(1, { Name: 'A', Phone: '1' }),
      some(5, { Industry: 'Energy' }),
      all(3, { Name: 'B' }),
    ]);
    expect(filled(state.values)).toEqual({ Name: 'B', Industry: 'Energy' });
  });

  it('a change whose version is not greater writes nothing, not even another value', () => {
    const state = mergeAll([some(2, { Name: 'A' })]);
    expect(merge(state, some(2, { Name: 'B' }))).toBe(state);
    expect(merge(mergeAll([all(2, { Name: 'A' })]), all(2, { Name: 'B' })).values.get('Name')).toBe('A');
  });

  it('an account is complete only after a change that names all fields', () => {
    expect(isComplete(mergeAll([some(2, { Name: 'A' })]))).toBe(false);
    expect(isComplete(mergeAll([some(2, { Name: 'A' }), all(1, {})]))).toBe(true);
  });
});

function lastWriters(changes: readonly Change[]): Map<string, Scalar> {
  const values = new Map<string, Scalar>();
  for (const { kind, values: written, unreadFields } of changes.toSorted((a, b) =>
    compareVersions(a.version, b.version),
  )) {
    if (kind === 'snapshot')
      for (const path of values.keys()) if (!unreadFields?.has(path.split('.')[0] ?? '')) values.delete(path);
    for (const [path, value] of written) values.set(path, value);
  }
  return values;
}

function next(random: Iterator<number>): number {
  return Number(random.next().value);
}
