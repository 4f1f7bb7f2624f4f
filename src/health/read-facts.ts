import { columnsSql } from '../db/check-tables.ts';
import type { Queryable } from '../db/database.ts';
import { queues } from '../db/jobs.ts';
import { isCurrent } from '../db/lease.ts';
import { isOwnRepair } from '../resync/request-resync.ts';
import type { Cause, Fault, StoredFacts, SubscriptionFacts } from './facts.ts';

/**
 * Reads the stored facts in one round trip.
 * @returns `now` is the time of the database; `present` lists the columns of the tables, such as `accounts.name`
 */
export async function readStoredFacts(
  client: Queryable,
  topic: string,
  queueSchema: string,
): Promise<{ readonly now: Date; readonly present: readonly string[]; readonly stored: StoredFacts }> {
  const { rows } = await client.query<Row>({
    name: `read-health-facts-${queueSchema}`,
    text: factsSql(queueSchema),
    values: [topic],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the health query returned no row');
  return {
    now: row.now,
    present: row.columns,
    stored: {
      isReadOnly: row.isReadOnly,
      subscription: row.subscription === null ? null : toSubscription(row.subscription),
      oldestWaitingAt: row.oldestWaitingAt,
      lastAppliedAt: row.lastAppliedAt,
      initialLoad: withTime(row.initialLoad),
      incidents: row.incidents.map(toTimed),
      uncheckedSchemaAt: row.uncheckedSchemaAt,
      failedCodes: row.failedCodes.map((failed) => ({ ...failed, since: toDate(failed.since) })),
      writeBack: withTime(row.writeBack),
      unconfirmedResyncs: row.unconfirmedResyncs.map(toTimed),
      failedComparison: withTime(row.failedComparison),
      failedRepairs: row.failedRepairs.map(toTimed),
      failingRereads: withTime(row.failingRereads),
      failedMaintenance: row.failedMaintenance.map(toTimed),
      readThrough: row.readThrough,
      verifiedThrough: row.verifiedThrough,
    },
  };
}

// Runs every few seconds: each part uses an index or a small table. Retried events are no backlog.
const factsSql = (queueSchema: string): string => `
  select now() as now,
         current_setting('transaction_read_only') = 'on' as "isReadOnly",
         array(${columnsSql(`any('{r,p}')`)}) as columns,
         (select to_jsonb(t) from (
            select state, state_since as "stateSince", outage_since as "outageSince", outage_cause as "outageCause",
                   apply_fault as "applyFault", loaded_at as "loadedAt", renewed_at as "renewedAt", current_at as "currentAt",
                   ${isCurrent} as "isCurrent",
                   to_timestamp(nullif(split_part(watermark, '.', 1), '0')::bigint / 1000.0) as "watermarkAt"
              from subscriptions where topic = $1) t) as subscription,
         (select received_at from event_queue where topic = $1 and attempts = 0
           order by event_id limit 1) as "oldestWaitingAt",
         (select applied_at from event_outcomes where applied_at is not null order by position desc limit 1) as "lastAppliedAt",
         (select to_jsonb(t) from (
            select state, read, expected, created_at as since, error, cause,
                   coalesce(waiting ->> 'reason' = 'api budget', false) as "isWaitingForBudget"
              from resyncs
             where reason = 'initial' and not exists (select from subscriptions where topic = $1 and loaded_at is not null)
             order by created_at desc limit 1) t) as "initialLoad",
         (select coalesce(jsonb_agg(t order by t.since), '[]') from (
            select cause, count(*)::int as count, min(opened_at) as since,
                   case cause when 'schema changed' then (array_agg(detail order by id))[1] end as detail
              from incidents where topic = $1 and state <> 'closed' group by cause) t) as incidents,
         (select min(arrived_at) from event_schemas
           where checked_at is null and schema::jsonb ->> 'name' = 'AccountChangeEvent') as "uncheckedSchemaAt",
         (select coalesce(jsonb_agg(t order by t.count desc), '[]') from (
            select coalesce(code_error ->> 'code', 'UNKNOWN') as code, count(*)::int as count,
                   coalesce((array_agg(code_error ->> 'message'))[1], '') as message, min(code_attempted_at) as since
              from (select c.error as code_error, c.attempted_at as code_attempted_at
                      from signup_codes c join accounts a on a.id = c.account_id
                     where c.state = 'failed' and not a.deleted limit 10000) f
             group by 1 order by 2 desc limit 20) t) as "failedCodes",
         (select jsonb_build_object('state', state, 'code', coalesce(reason ->> 'code', ''),
                                    'message', coalesce(reason ->> 'message', ''), 'since', since)
            from write_back_state where topic = $1) as "writeBack",
         (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'since', created_at)), '[]')
            from resyncs where state = 'needs-confirmation') as "unconfirmedResyncs",
         (select case when state = 'failed' then
                   jsonb_build_object('id', id, 'error', coalesce(error, ''), 'since', finished_at,
                                      'action', cause ->> 'action') end
            from resyncs where mode <> 'repair' and scope = 'all' and state in ('done', 'failed')
           order by created_at desc limit 1) as "failedComparison",
         (select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'reason', r.reason, 'error', r.error,
                                                       'since', coalesce(r.finished_at, r.created_at),
                                                       'action', r.cause ->> 'action') order by r.created_at), '[]')
            from resyncs r
           where r.mode = 'repair' and r.error is not null and r.state in ('failed', 'queued', 'reading', 'applying')
             and ${isOwnRepair('r')}) as "failedRepairs",
         (select to_jsonb(t) from (
            select count(*)::int as count, min(created_on) as since, coalesce(max(output ->> 'message'), '') as error
              from ${queueSchema}.job where name = '${queues.reread}' and state = 'retry' having count(*) > 0) t) as "failingRereads",
         (select coalesce(jsonb_agg(jsonb_build_object('task', task, 'error', error, 'since', started_at)), '[]')
            from housekeeping where error is not null) as "failedMaintenance",
         (select max(read_at) from resyncs
           where mode = 'repair' and scope = 'all' and state = 'done') as "readThrough",
         (select max(verified_through) from resyncs
           where mode <> 'repair' and scope = 'all' and state = 'done' and (repairs or different = 0)) as "verifiedThrough"`;

function toSubscription(row: SubscriptionJson): SubscriptionFacts {
  const { state, outageSince, outageCause, applyFault, isCurrent: current } = row;
  const since = toDate(outageSince);
  return {
    state,
    stateSince: new Date(row.stateSince),
    outage: since === null || outageCause === null ? null : { ...outageCause, since },
    applyFault: withTime(applyFault),
    loadedAt: toDate(row.loadedAt),
    renewedAt: toDate(row.renewedAt),
    currentAt: toDate(row.currentAt),
    isCurrent: current === true,
    watermarkAt: toDate(row.watermarkAt),
  };
}

/** Converts the time text of JSON. */
function withTime<T extends { readonly since: string }>(row: T | null): WithTime<T> | null {
  return row === null ? null : toTimed(row);
}

function toTimed<T extends { readonly since: string }>(row: T): WithTime<T> {
  return { ...row, since: new Date(row.since) };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

type WithTime<T> = Omit<T, 'since'> & { readonly since: Date };
type InJson<T> = Omit<T, 'since'> & { readonly since: string };
type One<T> = NonNullable<T> extends readonly (infer Item)[] ? InJson<Item> : InJson<NonNullable<T>>;

type SubscriptionJson = {
  readonly state: string;
  readonly stateSince: string;
  readonly outageSince: string | null;
  readonly outageCause: Cause | null;
  readonly applyFault: InJson<Fault> | null;
  readonly loadedAt: string | null;
  readonly renewedAt: string | null;
  readonly currentAt: string | null;
  readonly isCurrent: boolean | null;
  readonly watermarkAt: string | null;
};

type Row = {
  readonly now: Date;
  readonly isReadOnly: boolean;
  readonly columns: readonly string[];
  readonly subscription: SubscriptionJson | null;
  readonly oldestWaitingAt: Date | null;
  readonly lastAppliedAt: Date | null;
  readonly initialLoad: One<StoredFacts['initialLoad']> | null;
  readonly incidents: readonly One<StoredFacts['incidents']>[];
  readonly uncheckedSchemaAt: Date | null;
  readonly failedCodes: readonly (Omit<StoredFacts['failedCodes'][number], 'since'> & {
    readonly since: string | null;
  })[];
  readonly writeBack: One<StoredFacts['writeBack']> | null;
  readonly unconfirmedResyncs: readonly One<StoredFacts['unconfirmedResyncs']>[];
  readonly failedComparison: One<StoredFacts['failedComparison']> | null;
  readonly failedRepairs: readonly One<StoredFacts['failedRepairs']>[];
  readonly failingRereads: One<StoredFacts['failingRereads']> | null;
  readonly failedMaintenance: readonly One<StoredFacts['failedMaintenance']>[];
  readonly readThrough: Date | null;
  readonly verifiedThrough: Date | null;
};
