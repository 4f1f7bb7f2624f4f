import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBodyBudget } from '../../src/http/plugins/body-budget.ts';
import { runs } from '../helpers/property.ts';

const limits = { maxBytes: 100, maxBytesPerClient: 60, maxUnfinishedPerClient: 3 };

describe('the budget of request bodies', () => {
  it('a client may have a limited number of unfinished bodies, and others are not affected', () => {
    const budget = createBodyBudget(limits);
    const open = (client: string) => budget.open(client);
    const [first] = [open('a'), open('a'), open('a')];
    expect(open('a')).toBeUndefined();
    expect(open('b')).toBeDefined();
    first?.finish();
    first?.finish();
    expect(open('a')).toBeDefined();
    expect(open('a')).toBeUndefined();
  });

  it('bytes of one client and of all are limited, and released once', () => {
    const budget = createBodyBudget(limits);
    const [one, two] = [budget.open('a'), budget.open('b')];
    expect([one?.grow(60), one?.grow(1), two?.grow(40), two?.grow(1)]).toEqual([
      undefined,
      'client',
      undefined,
      'all',
    ]);
    one?.finish();
    expect(budget.used()).toBe(100);
    one?.release();
    one?.release();
    expect(budget.used()).toBe(40);
    expect(two?.grow(20)).toBeUndefined();
    expect(one?.grow(1)).toBe('client');
  });

  it('whatever clients do, the budget is never exceeded and empty in the end', () => {
    const step = fc.record({
      client: fc.constantFrom('a', 'b', 'c'),
      act: fc.constantFrom('open', 'grow', 'finish', 'release'),
      which: fc.nat(5),
      bytes: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = createBodyBudget(limits);
        const charges: NonNullable<ReturnType<typeof budget.open>>[] = [];
        for (const { client, act, which, bytes } of steps) {
          const charge = charges[which % Math.max(1, charges.length)];
          if (act === 'open') {
            const opened = budget.open(client);
            if (opened !== undefined) charges.push(opened);
          } else if (act === 'grow') charge?.grow(bytes);
          else charge?.[act]();
          expect(budget.used()).toBeLessThanOrEqual(limits.maxBytes);
        }
        for (const charge of charges) charge.release();
        expect(budget.used()).toBe(0);
        expect([1, 2, 3, 4].map(() => budget.open('a') !== undefined)).toEqual([true, true, true, false]);
      }),
      runs,
    );
  });
});
