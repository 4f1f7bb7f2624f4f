import { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Jobs, queues, startJobs } from '../../src/db/jobs.ts';
import { type Schedules, startSchedules } from '../../src/resync/schedules.ts';
import { eventually } from '../helpers/eventually.ts';
import { useDatabase } from '../helpers/use-database.ts';

describe('schedules of verifications', () => {
  const database = useDatabase();
  let jobs: Jobs;
  beforeAll(async () => {
    jobs = await startJobs(database.pool, pino({ level: 'silent' }));
  });
  afterAll(() => jobs.stop());

  /** As a start with these settings does. */
  const start = async (schedules: Schedules): Promise<void> => {
    await jobs.boss.offWork(queues.schedule);
    await startSchedules({ pool: database.pool, jobs }, schedules);
  };
  const known = async () =>
    (await jobs.boss.getSchedules(queues.schedule)).map(({ key, cron, timezone }) => ({
      key,
      cron,
      timezone,
    }));
  const resyncs = () =>
    database.rows('select mode, scope, reason, repairs, state from resyncs order by created_at');

  it('a schedule is set, changed and removed with its setting', async () => {
    await start({ verify: '0 3 * * 0', sample: '*/10 * * * *' });
    await start({ verify: '0 4 * * 0' });
    expect(await known()).toEqual([{ key: 'verify', cron: '0 4 * * 0', timezone: 'UTC' }]);
    await start({});
    expect(await known()).toEqual([]);
  });

  it('a schedule requests a verification with repair when it is due and none while one is queued or running', async () => {
    await start({ sample: '* * * * *' });
    // One that looks at the clock every second, instead of twice a minute.
    const impatient = new PgBoss({ connectionString: database.url, cronMonitorIntervalSeconds: 1 });
    impatient.on('error', () => {});
    await impatient.start();
    const sample = { mode: 'sample', scope: 'all', reason: 'schedule', repairs: true, state: 'queued' };
    await eventually('it is ordered', async () => (await resyncs()).length === 1);
    await impatient.stop({ graceful: false });
    expect(await resyncs()).toEqual([sample]);
    const waiting = () =>
      database.rows(`select id from pgboss.job where name = $1 and state <> 'completed'`, [queues.schedule]);
    await jobs.boss.send(queues.schedule, { mode: 'sample' });
    await eventually('the next one has been seen to', async () => (await waiting()).length === 0);
    expect(await resyncs()).toEqual([sample]);
    await database.rows(`update resyncs set state = 'done'`);
    await jobs.boss.send(queues.schedule, { mode: 'sample' });
    await eventually('another is ordered', async () => (await resyncs()).length === 2);
  });
});
