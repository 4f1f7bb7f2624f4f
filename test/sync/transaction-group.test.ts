import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeTransactions } from '../../src/sync/transaction-group.ts';
import { runs } from '../helpers/property.ts';

/** `"aab?"`: an event a letter, ids from 1; `?` cannot be decoded. */
const log = (keys: string) =>
  [...keys].map((key, index) => ({ id: BigInt(index + 1), transactionKey: key === '?' ? null : key }));
const groupsOf = (keys: string, quietThrough: number): string[] =>
  completeTransactions(log(keys), BigInt(quietThrough)).map((group) =>
    group.map(({ transactionKey }) => transactionKey ?? '?').join(''),
  );

describe('the log in transactions', () => {
  it.each([
    ['nothing', '', 9, []],
    ['one event, silence behind it', 'a', 1, ['a']],
    ['one event, and more may come', 'a', 0, []],
    ['a transaction that another one follows', 'aab', 0, ['aa']],
    ['a last transaction with silence behind it', 'aabb', 4, ['aa', 'bb']],
    ['a last transaction of which only a part lies before the silence', 'aabb', 3, ['aa']],
    ['an event that stands alone for lack of a key', 'a?b', 0, ['a', '?']],
    ['such an event at the end, which nothing can join', 'aa?', 0, ['aa', '?']],
    ['two such events', '??', 0, ['?', '?']],
    ['a key that comes again later is another run', 'aba', 3, ['a', 'b', 'a']],
  ])('%s', (_, keys, quietThrough, groups) => {
    expect(groupsOf(keys, quietThrough)).toEqual(groups);
  });

  it('loses no event, keeps their order, never splits a run and leaves out the last group at most', () => {
    const keys = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '?'), maxLength: 30 });
    fc.assert(
      fc.property(keys, fc.nat(31), (text, quietThrough) => {
        const groups = groupsOf(text, quietThrough);
        expect(text.startsWith(groups.join(''))).toBe(true);
        const runsOfText = text.match(/a+|b+|c+|\?/g) ?? [];
        expect(groups).toEqual(runsOfText.slice(0, groups.length));
        expect(groups.length).toBeGreaterThanOrEqual(runsOfText.length - 1);
      }),
      runs,
    );
  });
});
