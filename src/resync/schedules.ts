import type pg from 'pg';
import type { Job } from 'pg-boss';
import { inTransaction } from '../db/database.ts';
import { type Jobs, queues } from '../db/jobs.ts';
import { orderResync } from './request-resync.ts';

/** Cron expressions of five fields, UTC. A comparison without one is not scheduled. */
export type Schedules = {
  readonly verify?: string;
  readonly sample?: string;
};

const modes = ['verify', 'sample'] as const satisfies readonly (keyof Schedules)[];

/**
 * Schedules comparisons that repair differences. The job queue keeps the schedules in the database, so that one process
 * orders each comparison.
 */
export async function startSchedules(
  { pool, jobs }: { readonly pool: pg.Pool; readonly jobs: Jobs },
  schedules: Schedules,
): Promise<void> {
  const { boss } = jobs;
  for (const mode of modes) {
    const cron = schedules[mode];
    if (cron === undefined) await boss.unschedule(queues.schedule, mode);
    else await boss.schedule(queues.schedule, cron, { mode }, { tz: 'UTC', key: mode });
  }
  await boss.work(
    queues.schedule,
    { pollingIntervalSeconds: 5 },
    async ([job]: Job<{ readonly mode: keyof Schedules }>[]) => {
      if (job === undefined) return;
      const order = { scope: 'all', mode: job.data.mode, repairs: true, reason: 'schedule' } as const;
      await inTransaction(pool, (client) => orderResync(client, jobs.enqueueResync, order));
    },
  );
}
