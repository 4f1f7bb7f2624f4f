import { expect, it } from 'vitest';
import { createRequestAllowance } from '../../src/http/request-allowance.ts';

it('the request limit is used up once a day', () => {
  const clock = { time: Date.UTC(2026, 10, 23, 23, 59) };
  const allowance = createRequestAllowance(2, () => clock.time);
  expect([allowance.take(), allowance.take(), allowance.take()]).toEqual([true, true, false]);
  expect(allowance.used).toBe(2);
  clock.time += 60_000;
  expect(allowance.used).toBe(0);
  expect(allowance.take()).toBe(true);
});

it('the request limit can be set, runs out and is refilled on command', () => {
  const clock = { time: Date.UTC(2026, 10, 23) };
  const allowance = createRequestAllowance(100, () => clock.time);
  allowance.set({ max: 3, used: 2 });
  expect([allowance.take(), allowance.take(), allowance.remaining]).toEqual([true, false, 0]);
  allowance.set({ max: 1 });
  expect([allowance.used, allowance.remaining]).toEqual([3, 0]);
  allowance.refill();
  expect([allowance.take(), allowance.take()]).toEqual([true, false]);
  allowance.set({ used: 0 });
  expect(allowance.remaining).toBe(1);
  clock.time += 86_400_000;
  expect(allowance.max).toBe(1);
});
