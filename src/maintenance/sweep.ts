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
import { isOwnRepair, resyncScopes } from '../resync/request-resync.ts';
import { runLoop } from '../run-loop.ts';

const sweepIntervalMs = 60_000;

/** Maximum number of accounts per query of a sweep; the next sweep continues. */
const maxPerQuery = 1_000;

/**
 * Sweeps at an interval, and when an operator requests a reconnect: the cause that prevented a load may be corrected.
 */
export async function sweepUntilAborted(context: OrgContext, signal: AbortSignal): Promise<void> {
  const { timing, wakeUps, logger } = context;
  const resyncs = { ...context, settleMs: timing.settleMs };
  const failed = (error: unknown): void => logFailure(logger, error, 'sweep failed');
  await runLoop({
    step: async () => {
      await sweep(context).catch(failed);
      await closeBulkJobs(resyncs).catch(failed);
      await checkInvisibleAccounts(resyncs, signal).catch(failed);
      return 'wait';
    },
    wakeOn: (ms) => wakeUps.next('reconnect', ms),
    pollMs: sweepIntervalMs,
    onFailure: failed,
    signal,
  });
}

/**
 * Enqueues work whose job is gone: jobs end after their last attempt, and an attempt can end just before its row
 * changes. The rows are authoritative, not the jobs. Also deletes expired idempotency keys and ids of webhook requests.
 */
export async function sweep({
  pool,
  prisma,
  topic,
  jobs,
}: Pick<AppContext, 'pool' | 'prisma' | 'topic' | 'jobs'>): Promise<void> {
  await inTransaction(pool, async (client) => {
    // An earlier leader that was paused may still be sweeping; both would enqueue the same work.
    if (!(await lockSweep(client))) return;
    const stale = `select record_id as id from records
                    where stale_version is not null and not ${isKept('records.record_id')}
                      and ${isNotRefused('records.record_id')}`;
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
    for (const scope of resyncScopes) {
      const active = `select id::text as id from resyncs
                       where state in ('queued', 'reading', 'applying') and scope = '${scope}'`;
      for (const id of await withoutJob(client, jobs, active, queues.resync, queues.fullResync))
        await jobs.enqueueResync(client, { id, scope });
    }
  });
  const isUnread = { topic, loadedAt: null, readThroughAt: null };
  if ((await prisma.subscription.count({ where: isUnread })) === 1) await requestInitialLoad(pool, jobs);
}

/** Excludes accounts that the database refused recently: it would refuse them again. */
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

// Accounts that are not visible are checked at a longer interval.
function isKept(id: string): string {
  return `exists (select from invisible_accounts i where i.account_id = ${id} and i.state = 'kept')`;
}

// Written codes without a change event. A read that was sent after the write confirms or clears them; its time is part
// of the version, so each account is read once.
const unconfirmed = `select a.id from signup_codes c join accounts a on a.id = c.account_id
  where c.state = 'written' and not a.deleted and not ${isKept('a.id')}
    and coalesce(c.written_at, c.attempted_at) < now() - interval '10 minutes'
    and split_part(a.base_version, '.', 4)::bigint
        <= extract(epoch from coalesce(c.written_at, c.attempted_at)) * 1000`;

/** Selects the ids without a job that is queued, active or due for a retry. */
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
      order by o.id limit ${maxPerQuery}`,
    [queue],
  );
  return rows.map(({ id }) => id);
}
