import { expect, test } from 'vitest';
import { createMinuteCollector } from '../../src/operations/minute-statistics.ts';

const at = (time: string): number => Date.parse(`2026-11-24T12:${time}.000Z`);
const totals = (events: number, failedEvents = 0) => ({
  events,
  failedEvents,
  codes: 0,
  failedCodes: 0,
  connectionErrors: 0,
});

const lag = (lagMs: number | null) => ({ isCurrent: false, hasBeenCurrent: true, lagMs });

test('the statistics of a minute are the growth of the totals and its longest lag', () => {
  const minutes = createMinuteCollector();
  expect(minutes.sample(at('00:58'), totals(100), lag(900))).toBeUndefined();
  expect(minutes.sample(at('00:59'), totals(107, 2), lag(4_000))).toBeUndefined();
  expect(minutes.sample(at('01:04'), totals(110, 2), lag(30))).toEqual({
    minute: new Date(at('00:00')),
    ...totals(10, 2),
    maxLagMs: 4_000,
  });
  expect(minutes.sample(at('02:00'), totals(111, 2), lag(0))).toMatchObject({ events: 1, maxLagMs: 30 });
});

test('a minute before the mirror is first current has no lag', () => {
  const minutes = createMinuteCollector();
  minutes.sample(at('00:10'), totals(0), { ...lag(9_000), hasBeenCurrent: false });
  expect(minutes.sample(at('01:10'), totals(0), lag(null))).toMatchObject({ maxLagMs: null });
  expect(minutes.sample(at('02:10'), totals(0), lag(5))).toMatchObject({ maxLagMs: 5 });
});

test('a mirror that is current has no lag, however long ago that was saved', () => {
  const minutes = createMinuteCollector();
  const current = { ...lag(4_000), isCurrent: true };
  minutes.sample(at('00:10'), totals(0), current);
  expect(minutes.sample(at('01:10'), totals(0), current)).toMatchObject({ maxLagMs: 0 });
});
