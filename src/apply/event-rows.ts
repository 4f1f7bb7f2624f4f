import type pg from 'pg';
import { advisoryLocks } from '../db/advisory-locks.ts';
import { type Queryable, slices } from '../db/database.ts';
import { storableJson, storableText } from '../db/storable.ts';
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
  readonly state: 'applied' | 'skipped' | 'failed';
  readonly error: string | null;
  readonly header: ChangeEventHeader | null;
  /** The event with the same change that was applied earlier from the other source. */
  readonly duplicateOf?: bigint;
};

/** Limits of one read of the log, which returns at least one event. */
export type ReadLimit = { readonly events: number; readonly bytes: number };

/**
 * Reads the stored events of a topic that are not applied yet, the oldest first.
 * @returns `quietThrough`: id up to which transactions are complete; `cut`: the limit was reached
 */
export async function readStoredEvents(
  pool: pg.Pool,
  topic: string,
  limit: ReadLimit,
): Promise<{ events: StoredEvent[]; quietThrough: bigint; cut: boolean }> {
  // One statement and so one snapshot: `quiet_through` must not cover events that this read does not return.
  const { rows } = await pool.query<{
    id: bigint | null;
    schema_id: string;
    payload: Buffer;
    quiet_through: bigint;
    has_next: boolean | null;
  }>({
    name: 'read-waiting',
    text: `select w.id, w.schema_id, w.payload, w.has_next, s.quiet_through
             from subscriptions s
             left join lateral (
               select id, schema_id, payload, lead(id) over log is not null as has_next,
                      sum(octet_length(payload)) over log as bytes_through
                 from (select id, schema_id, payload from events
                        where topic = s.topic and state = 'stored' order by id limit $2) first_ones
               window log as (order by id rows unbounded preceding)) w
               on w.bytes_through - octet_length(w.payload) < $3
            where s.topic = $1
            order by w.id`,
    values: [topic, limit.events, limit.bytes],
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

/** Reads the newest event of a topic that is not applied yet, and the id up to which transactions are complete. */
export async function readNewestStoredEvent(
  pool: pg.Pool,
  topic: string,
): Promise<(StoredEvent & { readonly quietThrough: bigint }) | undefined> {
  const { rows } = await pool.query<StoredEvent & { quietThrough: bigint }>({
    name: 'read-newest',
    text: `select e.id, e.schema_id as "schemaId", e.payload, s.quiet_through as "quietThrough"
             from events e join subscriptions s using (topic)
            where e.topic = $1 and e.state = 'stored' order by e.id desc limit 1`,
    values: [topic],
  });
  return rows[0];
}

/** Locks the events that are still not applied. @returns their ids */
export async function lockStoredEvents(client: pg.PoolClient, ids: readonly bigint[]): Promise<Set<bigint>> {
  const { rows } = await client.query<{ id: bigint }>({
    name: 'lock-waiting',
    text: `select id from events where id = any($1::bigint[]) and state = 'stored' order by id for update`,
    values: [ids],
  });
  return new Set(rows.map(({ id }) => id));
}

/**
 * Saves outcomes and assigns positions in the order of this list, which is the order of effect. A lock until the commit
 * makes positions visible in order, so that readers can continue after a position without missing events.
 */
export async function markEvents(client: Queryable, outcomes: readonly EventOutcome[]): Promise<void> {
  await client.query({
    name: 'lock-positions',
    text: `select pg_advisory_xact_lock(${advisoryLocks.accountWrites}), ${wakeUpSql('applied')}`,
  });
  for (const slice of slices(outcomes)) await markSlice(client, slice);
}

async function markSlice(client: Queryable, outcomes: readonly EventOutcome[]): Promise<void> {
  const column = <T>(pick: (header: ChangeEventHeader) => T): (T | null)[] =>
    outcomes.map(({ header }) => (header === null ? null : pick(header)));
  // Lists are sent as JSON text, because node-postgres would send a list of lists as one matrix.
  const list = (pick: (header: ChangeEventHeader) => readonly string[]): string[] =>
    outcomes.map(({ header }) => storableJson(header === null ? [] : pick(header)));
  await client.query({
    name: 'mark-events',
    text: `with places as (
             select row_number() over () as place, position
               from (select nextval('event_positions') as position from generate_series(1, cardinality($1::bigint[])) order by 1) p)
           update events e set
             state = o.state, error = o.error, attempts = e.attempts + 1, position = places.position, applied_at = clock_timestamp(),
             entity_name = o.entity_name, change_type = o.change_type, transaction_key = o.transaction_key,
             sequence_number = o.sequence_number, commit_number = o.commit_number,
             commit_timestamp = to_timestamp(o.commit_ms / 1000.0), commit_user = o.commit_user,
             change_origin = o.change_origin,
             record_ids = array(select jsonb_array_elements_text(o.record_ids)),
             changed_fields = array(select jsonb_array_elements_text(o.changed_fields)),
             duplicate_of = o.duplicate_of
           from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[],
                       $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::jsonb[], $13::jsonb[], $14::bigint[])
             with ordinality as o (id, state, error, entity_name, change_type, transaction_key, sequence_number,
                                   commit_number, commit_ms, commit_user, change_origin, record_ids, changed_fields, duplicate_of,
                                   place)
             join places using (place)
           where e.id = o.id`,
    values: [
      outcomes.map(({ id }) => id),
      outcomes.map(({ state }) => state),
      outcomes.map(({ error }) => (error === null ? null : storableText(error))),
      column((header) => storableText(header.entityName)),
      column((header) => header.changeType),
      column((header) => storableText(header.transactionKey)),
      column((header) => header.sequenceNumber),
      column((header) => header.commitNumber),
      column((header) => header.commitTimestamp),
      column((header) => storableText(header.commitUser)),
      column((header) => storableText(header.changeOrigin)),
      list((header) => header.recordIds),
      list((header) => header.changedFields),
      outcomes.map(({ duplicateOf }) => duplicateOf ?? null),
    ],
  });
}

/** The sources of events that are not applied yet. */
export type WaitingSources = { readonly stream: boolean; readonly webhooks: boolean };

export async function readWaitingSources(client: Queryable, topic: string): Promise<WaitingSources> {
  const { rows } = await client.query<WaitingSources>({
    name: 'read-waiting-sources',
    text: `select exists (select from events where topic = $1 and state = 'stored') as stream,
                  exists (select from events where topic in ($2, $3) and state = 'stored') as webhooks`,
    values: [topic, ...Object.values(webhookTopics)],
  });
  return rows[0] ?? { stream: false, webhooks: false };
}
