import type pg from 'pg';
import type { Job } from 'pg-boss';
import { inTransaction } from '../db/database.ts';
import { type Jobs, queues } from '../db/jobs.ts';
import { requestCalculatedRefresh } from '../fields/refresh-calculated.ts';
import { orderResync } from './request-resync.ts';

/** Cron expressions of five fields, UTC. What has none is not scheduled. */
export type Schedules = {
  readonly verify?: string;
  readonly sample?: string;
  /** Of reads of the selected calculated fields. */
  readonly calculated?: string;
};

const kinds = ['verify', 'sample', 'calculated'] as const satisfies readonly (keyof Schedules)[];

/**
 * Schedules comparisons that repair differences, and reads of calculated fields. The job queue keeps the schedules in the
 * database, so that one process orders each of them.
 */
export async function startSchedules(
  { pool, jobs }: { readonly pool: pg.Pool; readonly jobs: Jobs },
  schedules: Schedules,
): Promise<void> {
  const { boss } = jobs;
  for (const kind of kinds) {
    const cron = schedules[kind];
    if (cron === undefined) await boss.unschedule(queues.schedule, kind);
    else await boss.schedule(queues.schedule, cron, { mode: kind }, { tz: 'UTC', key: kind });
  }
  await boss.work(
    queues.schedule,
    { pollingIntervalSeconds: 5 },
    async ([job]: Job<{ readonly mode: keyof Schedules }>[]) => {
      if (job === undefined) return;
      const { mode } = job.data;
      if (mode === 'calculated') return requestCalculatedRefresh(pool, jobs);
      const order = { scope: 'all', mode, repairs: true, reason: 'schedule' } as const;
      await inTransaction(pool, (client) => orderResync(client, jobs.enqueueResync, order));
    },
  );
}
