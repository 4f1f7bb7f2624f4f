import pg from 'pg';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { type Jobs, queues, startJobs } from '../../src/db/jobs.ts';
import { listenForWakeUps } from '../../src/db/wake-up.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { useDatabase } from '../helpers/use-database.ts';

describe('the job queue', () => {
  const database = useDatabase();
  const opened: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of opened.reverse()) await close();
  });

  it('the queue continues over new connections when all of its own fall silent', async () => {
    const url = new URL(database.url);
    const port = Number(url.port);
    const proxy = await startFaultProxy(() => ({ host: url.hostname, port }));
    url.port = String(proxy.port);
    const pool = new pg.Pool({ connectionString: url.href, query_timeout: 1_000 });
    pool.on('connect', (client) => client.on('error', () => {}));
    const wakeUps = listenForWakeUps(url.href, () => {}, 200);
    const jobs: Jobs = await startJobs(pool, pino({ level: 'silent' }), { wakeUps });
    opened.push(proxy.close, () => pool.end(), wakeUps.close, jobs.stop);
    const done: string[] = [];
    await jobs.boss.work<{ accountId: string }>(
      queues.reread,
      { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 1 },
      async (batch) => {
        done.push(...batch.map(({ data }) => data.accountId));
      },
    );
    const order = (id: string): Promise<void> =>
      inTransaction(database.pool, (client) => jobs.enqueueRereads(client, [id]));
    await order('before');
    await eventually('the first job is done', () => done.includes('before'));

    proxy.abandon();
    await order('after');
    await eventually('the second job is done', () => done.includes('after'));
    expect(done).toEqual(['before', 'after']);
  });
});
