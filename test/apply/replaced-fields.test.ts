import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Change, emptyState, merge } from '../../src/apply/merge.ts';
import { replacedAfter, toStorable } from '../../src/apply/replaced-fields.ts';

const change = (at: number, values: Record<string, string | null>, kind: Change['kind'] = 'patch'): Change =>
  toStorable({ version: [at, 0n, 0, 0], kind, values: new Map(Object.entries(values)) });

function follow(changes: readonly Change[]): string[] {
  let merged = emptyState;
  let replaced: ReadonlySet<string> = new Set();
  for (const one of changes) {
    merged = merge(merged, one);
    replaced = replacedAfter(replaced, merged, one);
  }
  return [...replaced].sort();
}

describe('the fields with a replaced character', () => {
  it('a change names the fields whose text could not be stored as it came', () => {
    const { replaced, values } = change(1, { Name: 'fine', Site: 'a\0b', Description: 'cut \ud83d' });
    expect([...(replaced ?? [])]).toEqual(['Site', 'Description']);
    expect(Object.fromEntries(values)).toEqual({ Name: 'fine', Site: 'a\ufffdb', Description: 'cut \ufffd' });
  });

  it.each([
    [
      'is one no more when a later change brings another text',
      [change(1, { A: '\0' }), change(2, { A: 'x' })],
      [],
    ],
    [
      'stays one when a later change does not name it',
      [change(1, { A: '\0' }), change(2, { B: 'x' })],
      ['A'],
    ],
    ['stays one when an earlier change comes late', [change(2, { A: '\0' }), change(1, { A: 'x' })], ['A']],
    ['is none when the change comes late', [change(2, { A: 'x' }), change(1, { A: '\0' })], []],
    ['is one no more when a reading finds it empty', [change(1, { A: '\0' }), change(2, {}, 'snapshot')], []],
  ])('a replaced field %s', (_, changes, expected) => {
    expect(follow(changes)).toEqual(expected);
  });

  it('the replaced fields do not depend on the order and repetition of changes', () => {
    const text = fc.constantFrom('x', 'y\0', '\ud83d', null);
    const values = fc.dictionary(fc.constantFrom('A', 'B', 'C'), text);
    const some = fc.uniqueArray(
      fc.record({ at: fc.nat(20), values, kind: fc.constantFrom<Change['kind']>('snapshot', 'patch') }),
      { selector: ({ at }) => at, maxLength: 6 },
    );
    fc.assert(
      fc.property(
        some.chain((list) =>
          fc.tuple(
            fc.constant(list),
            fc.shuffledSubarray([...list, ...list], { minLength: list.length * 2 }),
          ),
        ),
        ([inOrder, shuffled]) => {
          const make = (list: typeof inOrder) => list.map((one) => change(one.at + 1, one.values, one.kind));
          expect(follow(make(shuffled))).toEqual(follow(make(inOrder)));
        },
      ),
    );
  });
});
