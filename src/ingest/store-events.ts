import { createHash } from 'node:crypto';
import type pg from 'pg';
import { inTransaction, retryOnConflict } from '../db/database.ts';
import { allEventsApplied, expectHeld, type Lease } from '../db/lease.ts';
import { storableText } from '../db/storable.ts';
import { sendWakeUp, wakeUpSql } from '../db/wake-up.ts';
import { payloadDigest } from './payload-digest.ts';

/** An event as it came, undecoded. */
export type RawEvent = {
  readonly eventId: string;
  readonly schemaId: string;
  readonly replayId: Uint8Array | null;
  readonly payload: Uint8Array;
};

/**
 * The one door into the event log: appends the events of one response and moves the topic's resume position behind
 * the last of them, both or neither. So the position is never ahead of what is stored.
 * An event that is in the log already is not stored twice; events that share an id but not their bytes are different.
 *
 * @returns how many were new
 * @throws LeaseLostError
 */
export async function storeEvents(pool: pg.Pool, lease: Lease, events: readonly RawEvent[]): Promise<number> {
  const last = events.at(-1);
  if (last === undefined) return 0;
  // One statement is one transaction, and one way to the server and back.
  const outcome = await retryOnConflict(() =>
    pool.query<{ stored: number }>({
      name: 'store-events',
      text: `with held as (
               update subscriptions set replay_id = $2, position_at = now(), last_event_at = now()
                where topic = $1 and epoch = $3 returning topic),
             stored as (
               insert into events (topic, source, event_id, schema_id, replay_id, payload, digest, record_ids, changed_fields)
               select $1, 'stream', event_id, schema_id, replay_id, substring($4::bytea from begins for length), digest, '{}', '{}'
                 from unnest($5::int[], $6::int[], $7::text[], $8::text[], $9::bytea[], $10::bytea[])
                   with ordinality as t (begins, length, event_id, schema_id, replay_id, digest, place)
                where exists (select from held)
                order by place
               on conflict (event_id, digest) do nothing
               returning id)
             select (select count(*)::int from stored) as stored, ${wakeUpSql('apply')} from held`,
      values: [
        lease.topic,
        last.replayId,
        lease.epoch,
        // One value goes as the bytes that it is; in a list each would go as text, twice as long.
        Buffer.concat(events.map((event) => event.payload)),
        beginnings(events),
        events.map((event) => event.payload.length),
        events.map((event) => storableId(event.eventId)),
        events.map((event) => storableText(event.schemaId)),
        events.map((event) => event.replayId),
        events.map((event) => payloadDigest(event.payload)),
      ],
    }),
  );
  expectHeld(lease, outcome);
  return outcome.rows[0]?.stored ?? 0;
}

// An index entry has 2,704 bytes; ids of Salesforce have 36 characters.
const maxIdLength = 255;

/** Whatever an id looks like, its event is stored: an event that is refused would hold up all that come after it. */
function storableId(id: string): string {
  const text = storableText(id);
  if (text.length <= maxIdLength) return text;
  return `${text.slice(0, 64).toWellFormed()}…${createHash('sha256').update(text).digest('hex')}`;
}

/** Where each payload begins among all of them; PostgreSQL counts from one. */
function beginnings(events: readonly RawEvent[]): number[] {
  let next = 1;
  return events.map(({ payload }) => {
    const begins = next;
    next += payload.length;
    return begins;
  });
}

/**
 * A keepalive: no transaction is still under way. Its position is kept beside that of the last event. It lies inside
 * the bus's retention on a topic that is quiet for days; but it may lie ahead of events that are still to come, so it
 * counts only where the last event is too old.
 *
 * @throws LeaseLostError
 */
export async function storeKeepalive(pool: pg.Pool, lease: Lease, latestReplayId: Uint8Array): Promise<void> {
  await inTransaction(pool, async (client) => {
    const stored = await client.query({
      name: 'store-keepalive',
      text: `update subscriptions
                set keepalive_replay_id = case when length($2::bytea) > 0 then $2 else keepalive_replay_id end,
                    last_keepalive_at = now(), ${caughtUp}, quiet_through = ${lastEvent}
              where topic = $1 and epoch = $3`,
      values: [lease.topic, latestReplayId, lease.epoch],
    });
    expectHeld(lease, stored);
    await sendWakeUp(client, 'apply');
  });
}

/**
 * The bus had room to send more and was silent: the last transaction in the log is complete.
 * There is no end marker, so this is how the newest transaction is known to be whole.
 *
 * @throws LeaseLostError
 */
export async function markQuiet(pool: pg.Pool, lease: Lease): Promise<void> {
  await inTransaction(pool, async (client) => {
    const marked = await client.query({
      name: 'mark-quiet',
      text: `update subscriptions set quiet_through = ${lastEvent}, ${caughtUp} where topic = $1 and epoch = $2`,
      values: [lease.topic, lease.epoch],
    });
    expectHeld(lease, marked);
    await sendWakeUp(client, 'apply');
  });
}

// Nothing is left on the bus; the mirror is current if nothing is left in the log either.
const caughtUp = `live_at = now(), current_at = case when ${allEventsApplied} then now() else current_at end`;

const lastEvent = `coalesce((select id from events where topic = $1 order by id desc limit 1), 0)`;
