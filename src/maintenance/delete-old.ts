import type { Queryable } from '../db/database.ts';
import { statementName } from '../db/statement-name.ts';
import type { RetentionPolicy } from './retention-policy.ts';

/** Deletes up to `limit` rows older than `olderThanMs` milliseconds, the oldest first. @returns the number of rows */
export type DeleteOld = (client: Queryable, olderThanMs: number, limit: number) => Promise<number>;

// A sender can send many a second, accepted or not.
const webhookRequestsKept = 10_000;

/** SQL: whether a time is before the retention, the first parameter. */
const isOld = (column: string): string => `${column} < now() - $1 * interval '1 millisecond'`;

const deleteAttempts = deleteFrom(
  'write_back_attempts',
  // Those of pending, written and failed codes show the cause.
  `${isOld('sent_at')} and not exists (
     select from signup_codes c
      where c.account_id = write_back_attempts.account_id and c.state in ('pending', 'written', 'failed'))`,
  'sent_at',
);
const deleteIncidents = deleteFrom('incidents', `state = 'closed' and ${isOld('closed_at')}`, 'closed_at');
const deleteActions = deleteFrom('request_log', `kind = 'action' and ${isOld('at')}`, 'id');
const deleteWebhookRequests = deleteFrom(
  'request_log',
  `kind = 'webhook' and (${isOld('at')} or id <= (
     select id from request_log where kind = 'webhook' order by id desc offset ${webhookRequestsKept} limit 1))`,
  'id',
);
const deleteNotifications = deleteFrom(
  'notifications',
  `state <> 'pending' and ${isOld('created_at')}`,
  'id',
);
const deleteHealthChanges = deleteFrom(
  'health_changes',
  // The newest one is the current verdict.
  `${isOld('at')} and id < (select max(id) from health_changes)`,
  'id',
);

/** The deletion of each kind of row, by its retention. Differences precede the resyncs that they reference. */
export const deletions: readonly {
  readonly task: string;
  readonly period: Exclude<keyof RetentionPolicy, 'eventsMs' | 'versionsMs'>;
  readonly deleteSome: DeleteOld;
}[] = [
  { task: 'write-back attempts', period: 'attemptsMs', deleteSome: deleteAttempts },
  { task: 'incidents', period: 'incidentsMs', deleteSome: deleteIncidents },
  { task: 'differences', period: 'resyncsMs', deleteSome: deleteDifferences },
  { task: 'resyncs', period: 'resyncsMs', deleteSome: deleteResyncs },
  { task: 'actions', period: 'operationsMs', deleteSome: deleteActions },
  { task: 'webhook requests', period: 'operationsMs', deleteSome: deleteWebhookRequests },
  { task: 'notifications', period: 'operationsMs', deleteSome: deleteNotifications },
  { task: 'changes of the verdict', period: 'operationsMs', deleteSome: deleteHealthChanges },
];

/** Deletes rows of a table with an `id` for which a condition holds, in an order. */
function deleteFrom(table: string, where: string, order: string): DeleteOld {
  const text = `with old as (select id from ${table} where ${where}
                              order by ${order} limit $2 for update skip locked)
                delete from ${table} t using old where t.id = old.id`;
  const name = statementName(text);
  return async (client, olderThanMs, limit) => {
    const { rowCount } = await client.query({ name, text, values: [olderThanMs, limit] });
    return rowCount ?? 0;
  };
}

/**
 * Resyncs that finished before the retention, except the newest comparison, which `/v1/status` shows, and those that an
 * incident references.
 */
const oldResyncs = `
  select r.id from resyncs r
   where r.state in ('done', 'failed', 'cancelled') and r.finished_at < now() - $1 * interval '1 millisecond'
     and not exists (select from incidents i where i.resync_id = r.id)
     and r.id is distinct from (select v.id from resyncs v where v.mode <> 'repair' and v.state = 'done'
                                 order by v.finished_at desc limit 1)`;

/** Deleted separately, because a resync can have a difference for every account: too many for one statement. */
async function deleteDifferences(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-differences',
    text: `with old as (
             select d.resync_id, d.account_id from resync_differences d where d.resync_id in (${oldResyncs})
              limit $2 for update skip locked)
           delete from resync_differences d using old
            where d.resync_id = old.resync_id and d.account_id = old.account_id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}

async function deleteResyncs(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-resyncs',
    text: `with old as (${oldResyncs}
                and not exists (select from resync_differences d where d.resync_id = r.id)
              order by r.finished_at limit $2 for update of r skip locked)
           delete from resyncs r using old where r.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}
