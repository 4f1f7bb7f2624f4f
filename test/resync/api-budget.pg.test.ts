import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { useResyncs } from './resync-world.ts';

describe('a resync and the daily API requests', () => {
  const { mirror, row, tryOnce } = useResyncs({
    accounts: 30,
    timing: { apiBudgetPollIntervalMs: 30 },
  });

  it('a resync waits rather than use the reserve, reports it, and continues when there is room', async () => {
    const { allowance } = mirror.simulator;
    // Bulk pages of ten rows: each is a request.
    mirror.simulator.faults.start('bulk.smallPages', { rows: 1 });
    allowance.set({ max: 1_000, used: 775 });
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    const running = tryOnce(id);
    await eventually('it waits', async () => (await row(id))['waiting'] !== null);
    expect(await row(id)).toMatchObject({
      state: expect.stringMatching(/reading|applying/),
      waiting: { reason: 'api budget', used: expect.any(Number), max: 1_000 },
    });
    const { read } = await row(id);
    expect(read).toBeLessThan(30);
    allowance.refill();
    await running;
    expect(await row(id)).toMatchObject({ state: 'done', read: 30, waiting: null });
  });

  it('a resync waits when Salesforce refuses requests over the limit', async () => {
    const { allowance } = mirror.simulator;
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    mirror.simulator.faults.start('rest.fail', { how: 'request-limit', path: 'jobs/query', times: 1 });
    await tryOnce(id);
    expect(await row(id)).toMatchObject({ state: 'done', read: 30, waiting: null });
    expect(allowance.used).toBeGreaterThan(0);
  });

  it('a waiting resync can be cancelled', async () => {
    mirror.simulator.allowance.set({ used: mirror.simulator.allowance.max });
    const id = await mirror.request({
      scope: 'accounts',
      reason: 'test',
      accountIds: ['001999999999999AAA'],
    });
    const running = tryOnce(id).catch((error: unknown) => error);
    await eventually('it has started', async () => (await row(id))['state'] === 'reading');
    await mirror.database.rows(
      `update resyncs set state = 'cancelled', finished_at = now() where id = '${id}'`,
    );
    mirror.simulator.allowance.refill();
    await running;
    expect(await row(id)).toMatchObject({ state: 'cancelled' });
  });
});
