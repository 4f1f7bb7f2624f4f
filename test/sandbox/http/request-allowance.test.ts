import { expect, it } from 'vitest';
import { createRequestAllowance } from '../../../src/sandbox/http/request-allowance.ts';

it('the allowance is used up once a day', () => {
  const clock = { time: Date.UTC(2026, 10, 23, 23, 59) };
  const allowance = createRequestAllowance(2, () => clock.time);
  expect([allowance.take(), allowance.take(), allowance.take()]).toEqual([true, true, false]);
  expect(allowance.used).toBe(2);
  clock.time += 60_000;
  expect(allowance.used).toBe(0);
  expect(allowance.take()).toBe(true);
});
