// Hot statements: hand-written.
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { retryOnConflict } from '../db/database.ts';
import { allEventsApplied, expectHeld, type Lease } from '../db/lease.ts';
import { storableJson, storableText } from '../db/storable.ts';
import { wakeUpSql } from '../db/wake-up.ts';
import { eventKey } from './event-key.ts';

/** An event as received, not decoded. */
export type RawEvent = {
  readonly eventId: string;
  readonly schemaId: string;
  readonly replayId: Uint8Array | null;
  readonly payload: Uint8Array;
};

/**
 * Appends the events of a response to the log and the queue, and moves the resume position after the last of them, in
 * one transaction. So the position is never ahead of the stored events. Events that are already in the log are skipped;
 * events with the same id but different bytes are different events.
 *
 * @returns the number of new events
 * @throws LeaseLostError
 */
export async function storeEvents(pool: pg.Pool, lease: Lease, events: readonly RawEvent[]): Promise<number> {
  const last = events.at(-1);
  if (last === undefined) return 0;
  // A single statement is one transaction with a single round trip.
  const outcome = await retryOnConflict(() =>
    pool.query<{ stored: number }>({
      name: 'store-events',
      text: `with held as (
               update subscriptions set replay_id = $2, position_at = now(), last_event_at = now()
                where topic = $1 and epoch = $3 returning topic),
             stored as (
               insert into events (topic, source, event_id, schema_id, replay_id, payload, key)
               select $1, 'stream', event_id, schema_id, decode(replay_id, 'hex'), substring($4::bytea from begins for length), key
                 from json_to_recordset($5::json)
                   as e (begins int, length int, event_id text, schema_id text, replay_id text, key uuid)
                where exists (select from held)
                order by begins
               on conflict (key) do nothing
               returning id, received_at),
             queued as (
               insert into event_queue (topic, event_id, received_at) select $1, id, received_at from stored)
             select (select count(*)::int from stored) as stored, ${wakeUpSql('apply')} from held`,
      values: [
        lease.topic,
        last.replayId,
        lease.epoch,
        // A single bytea is sent in binary format; in JSON it would be sent as text, twice as long.
        Buffer.concat(events.map((event) => event.payload)),
        storableJson(eventRows(events)),
      ],
    }),
  );
  expectHeld(lease, outcome);
  return outcome.rows[0]?.stored ?? 0;
}

// PostgreSQL limits an index entry to 2,704 bytes; ids of Salesforce have 36 characters.
const maxIdLength = 255;

/** Makes any id storable, because an event that the database rejects would block all later ones. */
function storableId(id: string): string {
  const text = storableText(id);
  if (text.length <= maxIdLength) return text;
  return `${text.slice(0, 64).toWellFormed()}…${createHash('sha256').update(text).digest('hex')}`;
}

/** The columns of the events; payloads by their offset in the concatenation, counted from one like in PostgreSQL. */
function eventRows(events: readonly RawEvent[]): object[] {
  let next = 1;
  return events.map(({ eventId, schemaId, replayId, payload }) => {
    const begins = next;
    next += payload.length;
    return {
      begins,
      length: payload.length,
      event_id: storableId(eventId),
      schema_id: schemaId,
      replay_id: replayId === null ? null : Buffer.from(replayId).toString('hex'),
      key: eventKey(eventId, payload),
    };
  });
}

/**
 * Saves a keepalive, which means that the last transaction is complete. Its position is stored in addition to that of
 * the last event. On a topic that is quiet for days it stays within the retention of the bus. It can be ahead of events
 * that arrive later, so it is used only if the last event is too old.
 *
 * @throws LeaseLostError
 */
export async function storeKeepalive(pool: pg.Pool, lease: Lease, latestReplayId: Uint8Array): Promise<void> {
  const stored = await retryOnConflict(() =>
    pool.query({
      name: 'store-keepalive',
      text: `update subscriptions
                set keepalive_replay_id = case when length($2::bytea) > 0 then $2 else keepalive_replay_id end,
                    last_keepalive_at = now(), ${caughtUp}, quiet_through = ${lastEvent}
              where topic = $1 and epoch = $3
              returning ${wakeUpSql('apply')}`,
      values: [lease.topic, latestReplayId, lease.epoch],
    }),
  );
  expectHeld(lease, stored);
}

/**
 * Saves that the bus had credit and sent nothing, which means that the newest transaction in the log is complete.
 * Salesforce sends no end marker.
 *
 * @throws LeaseLostError
 */
export async function markQuiet(pool: pg.Pool, lease: Lease): Promise<void> {
  const marked = await retryOnConflict(() =>
    pool.query({
      name: 'mark-quiet',
      text: `update subscriptions set quiet_through = ${lastEvent}, ${caughtUp}
              where topic = $1 and epoch = $2
              returning ${wakeUpSql('apply')}`,
      values: [lease.topic, lease.epoch],
    }),
  );
  expectHeld(lease, marked);
}

// No event is left on the bus; the mirror is current if all stored events are applied.
const caughtUp = `live_at = now(), current_at = case when ${allEventsApplied} then now() else current_at end`;

const lastEvent = `coalesce((select id from events where topic = $1 order by id desc limit 1), 0)`;
