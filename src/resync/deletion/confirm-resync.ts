import type pg from 'pg';
import type { Queryable } from '../../db/database.ts';
import type { QueuedResync } from '../../db/jobs.ts';
import { sendWakeUp } from '../../db/wake-up.ts';
import type { EnqueueResync } from '../request-resync.ts';
import { resetSql } from '../resync-rows.ts';

/**
 * Confirms the unproven deletions of a held resync: it reads its accounts again and marks those that are still absent as
 * deleted.
 * - `confirmed`: the resync is queued
 * - `not waiting`: the resync is in another state
 */
export async function confirmResync(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  { id, confirmedBy }: { readonly id: string; readonly confirmedBy: string },
): Promise<'confirmed' | 'not waiting' | 'unknown'> {
  const { rows } = await client.query<QueuedResync>({
    name: 'confirm-resync',
    text: `update resyncs
              set state = 'queued', waiting = null, error = null, next_look_at = null, confirmed_by = $2,
                  confirmed_at = now()
            where id = $1 and state = 'needs-confirmation' returning id, scope`,
    values: [id, confirmedBy],
  });
  const [confirmed] = rows;
  if (confirmed !== undefined) {
    await client.query({
      name: 'confirm-invisible-accounts',
      text: `update invisible_accounts set confirmed = true where resync_id = $1 and state = 'kept'`,
      values: [id],
    });
    await enqueue(client, confirmed);
    await sendWakeUp(client, 'resync');
    return 'confirmed';
  }
  const known = await client.query({
    name: 'resync-exists',
    text: 'select from resyncs where id = $1',
    values: [id],
  });
  return known.rowCount === 1 ? 'not waiting' : 'unknown';
}

/** Makes a held resync read everything again, because some of its accounts are visible again. */
export async function restartHeldResync(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  id: string,
): Promise<void> {
  const { rows } = await client.query<QueuedResync>({
    name: 'restart-held-resync',
    text: `${resetSql(
      `state = 'needs-confirmation'`,
      `state = 'queued', waiting = null, error = null, next_look_at = null`,
    )} returning id, scope`,
    values: [id],
  });
  for (const restarted of rows) await enqueue(client, restarted);
  await sendWakeUp(client, 'resync');
}

/** Claims the held resync whose check is due; the next check is five minutes later. */
export async function claimHeldResync(client: Queryable): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'claim-held-resync',
    text: `update resyncs set next_look_at = now() + interval '5 minutes'
            where id = (select id from resyncs where state = 'needs-confirmation' and next_look_at <= now()
                         order by next_look_at limit 1 for update skip locked)
            returning id`,
  });
  return rows[0]?.id;
}

/** Claims accounts of a held resync for a check, the least recently checked ones first. */
export async function claimKeptAccounts(client: Queryable, id: string, limit: number): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'check-kept-accounts',
    text: `update invisible_accounts set checked_at = clock_timestamp()
            where account_id in (select account_id from invisible_accounts
                                  where resync_id = $1 and state = 'kept' order by checked_at, account_id limit $2)
            returning account_id as id`,
    values: [id, limit],
  });
  return rows.map((row) => row.id);
}
