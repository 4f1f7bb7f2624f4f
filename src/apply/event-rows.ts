// Hot statements: hand-written.
import type pg from 'pg';
import { type Queryable, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { wakeUpSql } from '../db/wake-up.ts';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';

/** A stored event that is not applied yet. */
export type StoredEvent = {
  readonly id: bigint;
  readonly schemaId: string;
  readonly payload: Buffer;
};

/** The outcome of an event. */
export type EventOutcome = {
  readonly id: bigint;
  readonly source: EventSource;
  readonly state: 'applied' | 'skipped' | 'failed';
  readonly error: string | null;
  readonly header: ChangeEventHeader | null;
  /** How often it was tried before. */
  readonly attempts: number;
  /** The event with the same change that was applied earlier from the other source. */
  readonly duplicateOf?: bigint;
};

export type EventSource = 'stream' | 'webhook';

/** Limits of one read of the queue, which returns at least one event. */
export type ReadLimit = { readonly events: number; readonly bytes: number };

/** The first and the last id of events. */
export type IdRange = { readonly first: bigint; readonly last: bigint };

/**
 * Reads the queued events of a topic, the oldest first.
 * @param except the events of this range are left out
 * @returns `quietThrough`: id up to which transactions are complete; `cut`: the limit was reached
 */
export async function readStoredEvents(
  pool: pg.Pool,
  topic: string,
  limit: ReadLimit,
  except: IdRange = { first: 0n, last: 0n },
): Promise<{ events: StoredEvent[]; quietThrough: bigint; cut: boolean }> {
  // One statement and so one snapshot: `quiet_through` must not cover events that this read does not return.
  const { rows } = await pool.query<{
    id: bigint | null;
    schema_id: string;
    payload: Buffer;
    quiet_through: bigint;
    has_next: boolean | null;
  }>({
    name: 'read-queue',
    // The limit of the inner subquery keeps the plan independent of statistics: one index lookup per event.
    text: `select w.id, w.schema_id, w.payload, w.has_next, s.quiet_through
             from subscriptions s
             left join lateral (
               select q.event_id as id, e.schema_id, e.payload, lead(q.event_id) over log is not null as has_next,
                      sum(octet_length(e.payload)) over log as bytes_through
                 from (select event_id from event_queue
                        where topic = $1 and (event_id < $4 or event_id > $5) order by event_id limit $2) q
                cross join lateral (select schema_id, payload from events where id = q.event_id limit 1) e
               window log as (order by q.event_id rows unbounded preceding)) w
               on w.bytes_through - octet_length(w.payload) < $3
            where s.topic = $1
            order by w.id`,
    values: [topic, limit.events, limit.bytes, except.first, except.last],
  });
  const events = rows.flatMap((row) =>
    row.id === null ? [] : [{ id: row.id, schemaId: row.schema_id, payload: row.payload }],
  );
  return {
    events,
    quietThrough: rows[0]?.quiet_through ?? 0n,
    cut: events.length === limit.events || rows.at(-1)?.has_next === true,
  };
}

/** Reads the newest queued event of a topic, and the id up to which transactions are complete. */
export async function readNewestStoredEvent(
  pool: pg.Pool,
  topic: string,
): Promise<(StoredEvent & { readonly quietThrough: bigint }) | undefined> {
  const { rows } = await pool.query<StoredEvent & { quietThrough: bigint }>({
    name: 'read-newest',
    text: `select e.id, e.schema_id as "schemaId", e.payload, s.quiet_through as "quietThrough"
             from (select topic, event_id from event_queue where topic = $1 order by event_id desc limit 1) q
             join events e on e.id = q.event_id
             join subscriptions s on s.topic = q.topic`,
    values: [topic],
  });
  return rows[0];
}

/**
 * Removes events from the queue, in the transaction that applies them. Requires the lock on account writes.
 * @returns how often each event was tried before, without those that are not queued any more
 */
export async function takeFromQueue(
  client: Queryable,
  topic: string,
  ids: readonly bigint[],
): Promise<Map<bigint, number>> {
  const { rows } = await client.query<{ id: bigint; attempts: number }>({
    name: 'take-from-queue',
    text: `delete from event_queue where topic = $1 and event_id = any($2::bigint[])
           returning event_id as id, attempts`,
    values: [topic, ids],
  });
  return new Map(rows.map(({ id, attempts }) => [id, attempts]));
}

/**
 * Saves outcomes and assigns positions in the order of this list, which is the order of effect. Requires the lock on
 * account writes: until the commit it keeps positions visible in order, so that readers can continue after a position
 * without missing events.
 */
export async function saveEventOutcomes(client: Queryable, outcomes: readonly EventOutcome[]): Promise<void> {
  const retried = outcomes.filter(({ attempts }) => attempts > 0);
  if (retried.length > 0) {
    await client.query({
      name: 'replace-outcomes',
      text: 'delete from event_outcomes where event_id = any($1::bigint[])',
      values: [retried.map(({ id }) => id)],
    });
  }
  for (const slice of slices(outcomes)) {
    await client.query({
      name: 'save-outcomes-of-events',
      text: `with saved as (
               insert into event_outcomes (event_id, source, state, error, attempts, applied_at, entity_name, change_type,
                                           record_ids, transaction_key, sequence_number, commit_timestamp, commit_number,
                                           commit_user, change_origin, changed_fields, duplicate_of)
               select event_id, source, state, error, attempts, clock_timestamp(), entity_name, change_type,
                      coalesce(record_ids, '{}'), transaction_key, sequence_number,
                      to_timestamp(commit_ms / 1000.0), commit_number, commit_user, change_origin,
                      coalesce(changed_fields, '{}'), duplicate_of
                 from rows from (json_to_recordset($1::json) as (
                        event_id bigint, source text, state text, error text, attempts int, entity_name text,
                        change_type text, record_ids text[], transaction_key text, sequence_number int,
                        commit_ms bigint, commit_number bigint, commit_user text, change_origin text,
                        changed_fields text[], duplicate_of bigint))
                      with ordinality as o (event_id, source, state, error, attempts, entity_name, change_type,
                                            record_ids, transaction_key, sequence_number, commit_ms, commit_number,
                                            commit_user, change_origin, changed_fields, duplicate_of, place)
                order by place)
             select ${wakeUpSql('applied')}`,
      values: [storableJson(slice.map(outcomeRow))],
    });
  }
}

function outcomeRow(outcome: EventOutcome): object {
  const { id, source, state, error, header, attempts, duplicateOf } = outcome;
  return {
    event_id: id.toString(),
    source,
    state,
    error,
    attempts: attempts + 1,
    duplicate_of: duplicateOf?.toString(),
    ...(header !== null && {
      entity_name: header.entityName,
      change_type: header.changeType,
      record_ids: header.recordIds,
      transaction_key: header.transactionKey,
      sequence_number: header.sequenceNumber,
      commit_ms: header.commitTimestamp,
      commit_number: header.commitNumber.toString(),
      commit_user: header.commitUser,
      change_origin: header.changeOrigin,
      changed_fields: header.changedFields,
    }),
  };
}

/** The sources of events that are not applied yet. */
export type WaitingSources = { readonly stream: boolean; readonly webhooks: boolean };

/** @param topic null if events of the stream are known to wait */
export async function readWaitingSources(client: Queryable, topic: string | null): Promise<WaitingSources> {
  const { rows } = await client.query<WaitingSources>({
    // Each limit with an order makes PostgreSQL use the index, whatever it knows of the size of the queue.
    name: 'waiting-sources',
    text: `select $1::text is null or ${waits('$1')} as stream, ${waits('$2')} or ${waits('$3')} as webhooks`,
    values: [topic, ...Object.values(webhookTopics)],
  });
  return rows[0] ?? { stream: false, webhooks: false };
}

function waits(topic: string): string {
  return `(select true from event_queue where topic = ${topic} order by topic, event_id limit 1) is not null`;
}
