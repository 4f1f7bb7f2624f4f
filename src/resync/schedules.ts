import type pg from 'pg';
import type { Job } from 'pg-boss';
import { inTransaction } from '../db/database.ts';
import { type Jobs, queues } from '../db/jobs.ts';
import { orderResync } from './request-resync.ts';

/** Cron expressions in UTC, of five fields; without one the comparison is not scheduled. */
export type Schedules = {
  readonly verify?: string;
  readonly sample?: string;
};

type ScheduledMode = keyof Schedules;

const modes = ['verify', 'sample'] as const satisfies readonly ScheduledMode[];

/**
 * Compares the mirror with Salesforce when it is time, and repairs what differs. The schedules lie in the database:
 * one process of many orders the comparison, and what is not set any more is removed.
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
    async ([job]: Job<{ readonly mode: ScheduledMode }>[]) => {
      if (job !== undefined) await orderScheduled(pool, jobs, job.data.mode);
    },
  );
}

/** While a comparison of the mode is queued or running, nothing is ordered. */
async function orderScheduled(pool: pg.Pool, jobs: Jobs, mode: ScheduledMode): Promise<void> {
  const order = { scope: 'all', mode, repairs: true, reason: 'schedule' } as const;
  await inTransaction(pool, (client) => orderResync(client, jobs.enqueueResync, order));
}
