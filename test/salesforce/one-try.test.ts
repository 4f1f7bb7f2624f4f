import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { oneTry, retryAfterOf } from '../../src/salesforce/one-try.ts';
import type { Org } from '../../src/salesforce/org.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { openSandboxOrg } from '../helpers/sandbox-org.ts';

describe('a request that is sent once', () => {
  let sandbox: Sandbox;
  let org: Org;
  beforeAll(async () => {
    sandbox = await startSandbox();
    org = await openSandboxOrg(sandbox);
  });
  afterAll(async () => {
    org.close();
    await sandbox.close();
  });
  beforeEach(() => void sandbox.faults.rest.fail.off());

  const ask = () =>
    oneTry<object>(org.connection, { method: 'GET', url: '/limits' }, { ms: 5_000, what: 'limits' });

  it('is not repeated behind our back, and tells how long Salesforce wants to be left alone', async () => {
    sandbox.faults.rest.fail.on({ how: 'unavailable', retryAfterSeconds: 7 });
    await expect(ask()).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      failure: 'transient',
      retryAfterMs: 7_000,
    });
    expect(sandbox.faults.rest.fail.standing()[0]?.struck).toBe(1);
  });

  it('has an expired token replaced all the same', async () => {
    sandbox.sessions.revokeAll();
    expect(await ask()).toHaveProperty('DailyApiRequests');
    expect(org.budget.usage()).toMatchObject({ max: 100_000 });
  });

  it('that fails without a word about waiting says nothing of it', async () => {
    sandbox.faults.rest.fail.on({ how: 'server-error', times: 1 });
    await expect(ask()).rejects.toMatchObject({ code: 'UNKNOWN_EXCEPTION', retryAfterMs: undefined });
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T08:00:00.000Z');
  it.each([
    [undefined, undefined],
    ['120', 120_000],
    ['0', 0],
    ['Mon, 23 Nov 2026 08:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
    ['999999', 900_000],
  ])('%s', (header, ms) => {
    expect(retryAfterOf(header, now)).toBe(ms);
  });
});
