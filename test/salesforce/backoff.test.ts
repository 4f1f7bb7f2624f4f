import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/salesforce/backoff.ts';
import type { FailureClass } from '../../src/salesforce/error.ts';
import { runs } from '../helpers/property.ts';

const longest: Readonly<Record<FailureClass, number>> = {
  transient: 30_000,
  auth: 2_000,
  data: 30_000,
  throttle: 300_000,
  quota: 900_000,
  config: 300_000,
  permission: 300_000,
  bug: 300_000,
  unknown: 300_000,
};
const failure = fc.constantFrom(...(Object.keys(longest) as FailureClass[]));

describe('backoff before the next attempt', () => {
  it('the backoff is never longer than the limit of its class and never zero', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(failure, fc.integer({ min: 1, max: 100_000 }), random, (kind, attempt, chance) => {
        const pause = backoffMs(kind, attempt, chance);
        expect(pause).toBeGreaterThanOrEqual(100);
        expect(pause).toBeLessThanOrEqual(longest[kind]);
      }),
      runs,
    );
  });

  it('the backoff doubles up to the limit and about half of it is random', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs('transient', attempt, 1))).toEqual([250, 500, 1000, 2000]);
    expect(backoffMs('transient', 4, 0)).toBe(1000);
    expect(backoffMs('transient', 99, 0)).toBe(15_000);
  });

  it('the backoff starts long if a quick retry does harm', () => {
    const first = (kind: FailureClass): number => backoffMs(kind, 1, 0);
    expect(first('throttle')).toBeGreaterThanOrEqual(5_000);
    expect(first('quota')).toBeGreaterThanOrEqual(30_000);
    expect(first('transient')).toBeLessThan(1_000);
  });
});
