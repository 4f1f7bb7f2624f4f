import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { inOrg } from '../helpers/simulator-org.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';
import { batchRows, useResyncs } from './resync-world.ts';

// Several batches of one page.
const seeded = 130;

describe('a resync by a bulk job', () => {
  const { mirror, row, tryOnce, run, fields } = useResyncs({ accounts: seeded });
  const jobs = () => mirror.simulator.bulk.log();
  const fault = (name: string, parameters: object = {}) => mirror.simulator.faults.start(name, parameters);
  const idsInOrg = () => [...mirror.simulator.org.records()].map(({ id }) => id).sort();
  const idsInMirror = async () => (await fields()).map(({ id }) => id);

  it('a bulk job reads the same values as queries', async () => {
    const odd = { Name: 'Says "so", and\nends, \'here\' – ünïcode 日本', Description: '\r\n"",\n' };
    inOrg(mirror.simulator).createQuietly(odd);
    inOrg(mirror.simulator).createQuietly({ Name: 'null', AnnualRevenue: 0.1, NumberOfEmployees: 0 });
    const binned = inOrg(mirror.simulator).createQuietly({ Name: 'Binned Ltd' });
    inOrg(mirror.simulator).deleteQuietly(binned);
    expect(await run({}, 1_000_000)).toMatchObject({
      method: 'rest',
      read: seeded + 3,
      expected: seeded + 3,
    });
    const byQueries = await fields();
    expect(jobs()).toEqual([]);
    await mirror.database.rows(removeAccounts);
    expect(await run()).toMatchObject({ method: 'bulk', read: seeded + 3, created: seeded + 3, deleted: 1 });
    expect(await fields()).toEqual(byQueries);
    expect(byQueries).toHaveLength(seeded + 3);
  });

  it('a resync by a bulk job has a certificate with position, watermark, job and rows', async () => {
    await run();
    const [id = ''] = idsInOrg();
    inOrg(mirror.simulator).updateQuietly(id, { Name: 'Changed Ltd' });
    const done = await run();
    expect(done).toMatchObject({
      state: 'done',
      read: seeded,
      created: 0,
      updated: 1,
      unchanged: seeded - 1,
      kept: 0,
      events_meanwhile: 0,
      watermark: '0.0.0.0',
      bulk_job_id: jobs().at(-1)?.id,
      read_at: expect.any(Date),
      bulk_job_closed_at: expect.any(Date),
    });
  });

  it('an interrupted resync continues with the same job and repeats no batch', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    const stopping = new AbortController();
    // A third batch: there is time to stop after the first one.
    const more = 150;
    for (let n = 0; n < more; n++) inOrg(mirror.simulator).createQuietly({ Name: `More ${n}` });
    fault('bulk.slowPages', { rows: 50, delayMs: 800 });
    const interrupted = tryOnce(id, stopping.signal);
    await eventually('a batch is merged', async () => Number((await row(id))['read']) >= batchRows);
    stopping.abort(new Error('stopping'));
    await expect(interrupted).rejects.toThrow();
    const { read } = await row(id);
    expect(read).toBeLessThan(seeded + more);
    mirror.simulator.faults.clearAll();
    await tryOnce(id);
    const all = seeded + more;
    expect(await row(id)).toMatchObject({ state: 'done', read: all, created: all, unchanged: 0 });
    expect(jobs()).toHaveLength(1);
    expect(await idsInMirror()).toEqual(idsInOrg());
  });

  it('a resync reads by queries if Salesforce refuses bulk jobs, and says so', async () => {
    const before = jobs().length;
    fault('rest.fail', { how: 'not-enabled', path: 'jobs/query' });
    expect(await run()).toMatchObject({ state: 'done', method: 'rest', read: seeded, error: null });
    expect(jobs()).toHaveLength(before);
    expect(await idsInMirror()).toEqual(idsInOrg());
  });

  it('a resync finds its job again when the process died before the job id was stored', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    fault('bulk.hold');
    const stopping = new AbortController();
    const interrupted = tryOnce(id, stopping.signal);
    await eventually('the job is there', async () => (await row(id))['bulk_job_id'] !== null);
    stopping.abort(new Error('stopping'));
    await expect(interrupted).rejects.toThrow();
    await mirror.database.rows('update resyncs set bulk_job_id = null');
    mirror.simulator.faults.clearAll();
    await tryOnce(id);
    expect(await row(id)).toMatchObject({ state: 'done', read: seeded, bulk_job_id: jobs()[0]?.id });
    expect(jobs()).toHaveLength(1);
  });

  it('a resync does not adopt the job of another client', async () => {
    const foreign = await mirror.request({ scope: 'all', reason: 'test' });
    await tryOnce(foreign);
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    await mirror.database.rows(`update resyncs set bulk_asked_at = now() where id = '${id}'`);
    await tryOnce(id);
    expect(jobs()).toHaveLength(2);
    expect(await row(id)).toMatchObject({ state: 'done', read: seeded, bulk_job_id: jobs()[1]?.id });
  });

  it.each([
    ['the connection breaks in a page', 'bulk.cutPages', { afterRows: 150, times: 2 }],
    ['a page ends early without saying so', 'bulk.shortPages', { missing: 3, times: 2 }],
    ['the token expires', 'rest.fail', { how: 'session-expired', path: '/results', times: 1 }],
    ['results answer 500', 'rest.fail', { how: 'server-error', path: '/results', times: 2 }],
    ['results answer 503', 'rest.fail', { how: 'unavailable', path: '/results', times: 1 }],
    ['results are cut off', 'rest.fail', { how: 'cut-before', path: '/results', times: 1 }],
    ['pages are small', 'bulk.smallPages', { rows: 70 }],
  ])('every record is read once although %s', async (_, name, parameters) => {
    fault(name, parameters);
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    // As often as the job queue would.
    for (let tries = 0; tries < 5 && (await row(id))['state'] !== 'done'; tries++)
      await tryOnce(id).catch(() => {});
    expect(await row(id)).toMatchObject({ state: 'done', read: seeded, created: seeded });
    expect(jobs()).toHaveLength(1);
    expect(await idsInMirror()).toEqual(idsInOrg());
  });

  it.each([
    ['vanishes before it is read', 'bulk.vanish', { times: 1 }, 'BULK_JOB_GONE'],
    ['vanishes in the middle', 'bulk.vanish', { afterPages: 1, times: 1 }, 'BULK_JOB_GONE'],
    ['fails for a while', 'bulk.fail', { errorMessage: 'InternalServerError', times: 1 }, 'BULK_JOB_FAILED'],
    ['is aborted by a user', 'bulk.abort', { times: 1 }, 'ABORTED'],
    [
      'is refused for good',
      'bulk.fail',
      { errorMessage: 'INVALID_FIELD: no such column', times: 1 },
      'INVALID_FIELD',
    ],
  ])('a resync starts again with another job if its own %s', async (_, name, parameters, code) => {
    await run();
    const before = await fields();
    fault(name, parameters);
    fault('bulk.smallPages', { rows: 90 });
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    await expect(tryOnce(id)).rejects.toMatchObject({ code });
    expect(await fields()).toEqual(before);
    await tryOnce(id);
    expect(await row(id)).toMatchObject({ state: 'done', read: seeded, unchanged: seeded });
    expect(jobs()).toHaveLength(3);
  });
});

describe('cancelled resyncs', () => {
  const { mirror, row, tryOnce, fields } = useResyncs({ accounts: 230 });

  it.each([
    ['its bulk job waits', 'bulk.hold', { state: 'UploadComplete' }, 0],
    ['its bulk job is in progress', 'bulk.hold', {}, 0],
    ['its results are read', 'bulk.slowPages', { rows: 10, delayMs: 20 }, 1],
  ])(
    'a resync cancelled while %s ends soon, its job is aborted and no batch is half merged',
    async (_, name, parameters, merged) => {
      mirror.simulator.faults.start(name, parameters);
      const id = await mirror.request({ scope: 'all', reason: 'test' });
      const running = tryOnce(id);
      await eventually('it has come so far', async () => {
        const { bulk_job_id: job, read } = await row(id);
        return job !== null && Number(read) >= merged;
      });
      await mirror.database.rows(
        `update resyncs set state = 'cancelled', finished_at = now() where id = '${id}'`,
      );
      await running;
      const { read } = await row(id);
      expect(await row(id)).toMatchObject({ state: 'cancelled', bulk_job_closed_at: expect.any(Date) });
      expect(await fields()).toHaveLength(Number(read));
      expect(Number(read) % batchRows).toBe(0);
      const [job] = mirror.simulator.bulk.log();
      expect(job?.state).toBe(merged > 0 ? 'JobComplete' : 'Aborted');
    },
  );
});
