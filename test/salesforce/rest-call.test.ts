import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Org } from '../../src/salesforce/org.ts';
import { sendOnce } from '../../src/salesforce/rest-call.ts';
import { parseRetryAfter } from '../../src/salesforce/rest-refusal.ts';
import { openSimulatorOrg } from '../helpers/simulator-org.ts';

describe('requests without retries', () => {
  let simulator: Simulator;
  let org: Org;
  beforeAll(async () => {
    simulator = await startSimulator();
    org = await openSimulatorOrg(simulator);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });
  beforeEach(() => void simulator.faults.rest.fail.off());

  const send = () => sendOnce<object>(org.connection, { method: 'GET', url: '/limits' }, 5_000, 'limits');

  it('a failed request is not repeated implicitly and reports the Retry-After time', async () => {
    simulator.faults.rest.fail.on({ how: 'unavailable', retryAfterSeconds: 7 });
    await expect(send()).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      failure: 'transient',
      retryAfterMs: 7_000,
    });
    expect(simulator.faults.rest.fail.active()[0]?.struck).toBe(1);
  });

  it('an expired token is replaced once', async () => {
    simulator.sessions.revokeAll();
    expect(await send()).toHaveProperty('DailyApiRequests');
    expect(org.budget.usage()).toMatchObject({ max: 100_000 });
  });

  it('a failure without Retry-After reports no time', async () => {
    simulator.faults.rest.fail.on({ how: 'server-error', times: 1 });
    await expect(send()).rejects.toMatchObject({ code: 'UNKNOWN_EXCEPTION', retryAfterMs: undefined });
  });
});

describe('the Retry-After header', () => {
  const now = Date.parse('2026-11-23T08:00:00.000Z');
  it.each([
    [undefined, undefined],
    ['120', 120_000],
    ['0', 0],
    ['Mon, 23 Nov 2026 08:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
    ['999999', 900_000],
  ])('the Retry-After value %s is parsed', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });
});
