import type { Queryable } from '../db/database.ts';
import type { RetentionPolicy } from './retention-policy.ts';

/** Deletes up to `limit` rows older than `olderThanMs` milliseconds, the oldest first. @returns the number of rows */
export type DeleteOld = (client: Queryable, olderThanMs: number, limit: number) => Promise<number>;

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

/** Keeps the attempts of pending, written and failed codes, because they show the cause. */
async function deleteAttempts(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-attempts',
    text: `with old as (
             select t.id from write_back_attempts t
              where t.sent_at < now() - $1 * interval '1 millisecond'
                and not exists (select from signup_codes c
                                 where c.account_id = t.account_id and c.state in ('pending', 'written', 'failed'))
              order by t.sent_at limit $2 for update skip locked)
           delete from write_back_attempts t using old where t.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}

async function deleteIncidents(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-incidents',
    text: `with old as (
             select id from incidents where state = 'closed' and closed_at < now() - $1 * interval '1 millisecond'
              order by closed_at limit $2 for update skip locked)
           delete from incidents i using old where i.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
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

async function deleteActions(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-actions',
    text: `with old as (
             select id from request_log where kind = 'action' and at < now() - $1 * interval '1 millisecond'
              order by id limit $2 for update skip locked)
           delete from request_log r using old where r.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}

// A sender can send many a second, accepted or not.
const webhookRequestsKept = 10_000;

async function deleteWebhookRequests(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-webhook-requests',
    text: `with old as (
             select id from request_log
              where kind = 'webhook'
                and (at < now() - $1 * interval '1 millisecond'
                     or id <= (select id from request_log where kind = 'webhook'
                                order by id desc offset ${webhookRequestsKept} limit 1))
              order by id limit $2 for update skip locked)
           delete from request_log r using old where r.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}

async function deleteNotifications(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-notifications',
    text: `with old as (
             select id from notifications where state <> 'pending' and created_at < now() - $1 * interval '1 millisecond'
              order by id limit $2 for update skip locked)
           delete from notifications n using old where n.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}

/** Keeps the newest change, which is the current verdict. */
async function deleteHealthChanges(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-health-changes',
    text: `with old as (
             select id from health_changes
              where at < now() - $1 * interval '1 millisecond' and id < (select max(id) from health_changes)
              order by id limit $2 for update skip locked)
           delete from health_changes h using old where h.id = old.id`,
    values: [olderThanMs, limit],
  });
  return rowCount ?? 0;
}
