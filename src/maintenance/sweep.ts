import type pg from 'pg';
import type { AppContext, OrgContext } from '../context.ts';
import { advisoryLocks } from '../db/advisory-locks.ts';
import { inTransaction } from '../db/database.ts';
import { type Jobs, queues } from '../db/jobs.ts';
import { logFailure } from '../db/log-failure.ts';
import { failedRecordRetryMinutes } from '../incidents/failed-records.ts';
import { closeBulkJobs } from '../resync/bulk-pages.ts';
import { checkInvisibleAccounts, claimInvisibleAccounts } from '../resync/deletion/check-invisible.ts';
import { requestInitialLoad } from '../resync/initial-load.ts';
import { isOwnRepair } from '../resync/request-resync.ts';
import { runLoop } from '../run-loop.ts';

/** The most accounts that one sweep finds work for; the next one goes on. */
const sweepSize = 1_000;

/** Sweeps at an interval, and when somebody asks for a connection: they have mended what prevented a load. */
export async function sweepUntilAborted(context: OrgContext, signal: AbortSignal): Promise<void> {
  const { timing, wakeUps, logger } = context;
  const resyncs = { ...context, settleMs: timing.settleMs };
  const failed = (error: unknown): void => logFailure(logger, error, 'a sweep failed');
  await runLoop({
    step: async () => {
      await sweep(context).catch(failed);
      await closeBulkJobs(resyncs).catch(failed);
      await checkInvisibleAccounts(resyncs, signal).catch(failed);
      return 'wait';
    },
    wakeOn: (ms) => wakeUps.next('reconnect', ms),
    pollMs: timing.sweepIntervalMs,
    onFailure: failed,
    signal,
  });
}

/**
 * Finds work that no job stands for any more and enqueues it again. Jobs end after their last try, and a try can come
 * to nothing a moment before the row changes; the rows are the truth, and nothing stays undone for want of a job.
 * Answers that were kept for repeated requests are forgotten after a day.
 */
export async function sweep({
  pool,
  topic,
  jobs,
}: Pick<AppContext, 'pool' | 'topic' | 'jobs'>): Promise<void> {
  await inTransaction(pool, async (client) => {
    // A leader that was paused may still be sweeping: both would enqueue the same work.
    if (!(await lockSweep(client))) return;
    const stale = `select id from accounts
                    where stale_version is not null and not ${isKept} and ${isNotRefused('accounts.id')}`;
    await jobs.enqueueRereads(client, await withoutJob(client, jobs, stale, queues.reread));
    await jobs.enqueueRereads(client, await claimInvisibleAccounts(client));
    await jobs.enqueueRereads(client, await withoutJob(client, jobs, unconfirmed, queues.reread));
    const reported = `select id from unconfirmed_records where ${isNotRefused('unconfirmed_records.id')}`;
    await jobs.enqueueRereads(client, await withoutJob(client, jobs, reported, queues.reread));
    const failed = `select account_id as id from failed_records where ${isNotRefused('failed_records.account_id')}`;
    await jobs.enqueueRereads(client, await withoutJob(client, jobs, failed, queues.reread));
    await client.query({
      name: 'revive-resyncs',
      text: `update resyncs r set state = 'queued', finished_at = null
              where r.finished_at < now() - interval '15 minutes'
                and (r.state in ('failed', 'cancelled')
                     and exists (select from incidents i where i.resync_id = r.id and i.state <> 'closed')
                     or r.state = 'failed' and ${isOwnRepair('r')})`,
    });
    await client.query({
      name: 'forget-idempotent-requests',
      text: `delete from idempotent_requests where created_at < now() - interval '24 hours'`,
    });
    await client.query({
      name: 'forget-webhook-requests',
      text: `delete from webhook_requests where received_at < now() - interval '7 days'`,
    });
    for (const scope of ['all', 'since', 'accounts']) {
      const active = `select id::text as id from resyncs
                       where state in ('queued', 'reading', 'applying') and scope = '${scope}'`;
      for (const id of await withoutJob(client, jobs, active, queues.resync, queues.fullResync))
        await jobs.enqueueResync(client, { id, scope });
    }
  });
  const { rowCount } = await pool.query(
    'select from subscriptions where topic = $1 and loaded_at is null and read_through_at is null',
    [topic],
  );
  if (rowCount === 1) await requestInitialLoad(pool, jobs);
}

/** What the database refused a moment ago it would refuse again. */
function isNotRefused(id: string): string {
  return `not exists (select from failed_records f where f.account_id = ${id}
            and f.failed_at > now() - interval '${failedRecordRetryMinutes} minutes')`;
}

async function lockSweep(client: pg.PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>({
    name: 'lock-sweep',
    text: `select pg_try_advisory_xact_lock(${advisoryLocks.sweep}) as locked`,
  });
  return rows[0]?.locked === true;
}

// Accounts that are not visible are looked for less often.
const isKept = `exists (select from invisible_accounts i where i.account_id = accounts.id and i.state = 'kept')`;

// A code whose change event never came: a read that was sent after the write decides what became of it. Of such a read
// the version has the time, so each is asked for once.
const unconfirmed = `select id from accounts where code_state = 'written' and not deleted and not ${isKept}
  and coalesce(code_written_at, code_attempted_at) < now() - interval '10 minutes'
  and split_part(base_version, '.', 4)::bigint
      <= extract(epoch from coalesce(code_written_at, code_attempted_at)) * 1000`;

/** Those of the ids that have no job that is waiting, being done or to be tried again. */
async function withoutJob(
  client: pg.PoolClient,
  { schema }: Jobs,
  ids: string,
  ...queue: string[]
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select o.id from (${ids}) o
      where not exists (
        select from ${schema}.job j
         where j.name = any($1) and coalesce(j.singleton_key, j.data ->> 'resyncId') = o.id and j.state in ('created', 'retry', 'active'))
      order by o.id limit ${sweepSize}`,
    [queue],
  );
  return rows.map(({ id }) => id);
}
