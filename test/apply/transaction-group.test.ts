import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeTransactions } from '../../src/apply/transaction-group.ts';
import { runs } from '../helpers/property.ts';

/** `"aab?"`: an event a letter, ids from 1; `?` cannot be decoded. */
const log = (keys: string) =>
  [...keys].map((key, index) => ({ id: BigInt(index + 1), transactionKey: key === '?' ? null : key }));
const groupsOf = (keys: string, quietThrough: number): string[] =>
  completeTransactions(log(keys), BigInt(quietThrough)).map((group) =>
    group.map(({ transactionKey }) => transactionKey ?? '?').join(''),
  );

describe('transactions in the event log', () => {
  it.each([
    ['nothing', '', 9, []],
    ['one event, silence behind it', 'a', 1, ['a']],
    ['one event, and more may come', 'a', 0, []],
    ['a transaction that another one follows', 'aab', 0, ['aa']],
    ['a last transaction with silence behind it', 'aabb', 4, ['aa', 'bb']],
    ['a last transaction of which only a part lies before the silence', 'aabb', 3, ['aa']],
    ['an event without a key between two transactions, which stands alone', 'a?b', 0, ['a', '?']],
    ['such an event inside a transaction, which belongs to it', 'a?ab', 0, ['a?a']],
    ['several of them in several holes of one transaction', 'a??a?ab', 0, ['a??a?a']],
    ['such an event at the end, behind which the transaction may go on', 'aa?', 2, []],
    ['such an event at the end, with silence behind it', 'aa?', 3, ['aa', '?']],
    ['such events outside a transaction', '??a', 0, ['?', '?']],
    [
      'more of them than a hole in a transaction can have',
      `a${'?'.repeat(201)}a`,
      0,
      ['a', ...'?'.repeat(201)],
    ],
    ['a key that comes again later is another run', 'aba', 3, ['a', 'b', 'a']],
  ])('the log is split into complete transactions: %s', (_, keys, quietThrough, groups) => {
    expect(groupsOf(keys, quietThrough)).toEqual(groups);
  });

  it('splitting loses no event, keeps their order, splits no transaction at undecodable events and holds back at most the last one', () => {
    const keys = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '?'), maxLength: 30 });
    fc.assert(
      fc.property(keys, fc.nat(31), (text, quietThrough) => {
        const groups = groupsOf(text, quietThrough);
        expect(text.startsWith(groups.join(''))).toBe(true);
        const runsOfText = text.match(/a+(\?*a+)*|b+(\?*b+)*|c+(\?*c+)*|\?/g) ?? [];
        expect(groups).toEqual(runsOfText.slice(0, groups.length));
        // What is left out is one transaction, and what can't be decoded behind it.
        expect(text.slice(groups.join('').length)).toMatch(/^(([abc])(\?*\2)*\?*)?$/);
      }),
      runs,
    );
  });
});
