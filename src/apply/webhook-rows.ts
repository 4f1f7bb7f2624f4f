// Hot statements: hand-written.
import type pg from 'pg';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import type { StoredEvent } from './event-rows.ts';

/** Complete transactions to apply. `hasIncomplete`: others may still receive events. */
export type WaitingTransactions = {
  readonly transactions: readonly StoredEvent[][];
  readonly hasIncomplete: boolean;
};

/** Webhooks have no end marker: a transaction is considered complete if no event of it has arrived for this time. */
const quietMs = 250;
// Limits the wait for a transaction that keeps receiving events.
const maxWaitMs = 5_000;
// Events per query that are searched for transactions, and events that are read.
const maxScannedEvents = 5_000;
const maxEvents = 1_000;
const transactionLimit = { events: 100_000, bytes: 256 * 1024 ** 2 } as const;

/** Reads transactions in the order of their first events. A transaction beyond the limits is returned in parts. */
export async function readWebhookTransactions(pool: pg.Pool): Promise<WaitingTransactions> {
  const { rows } = await pool.query<Row>({
    name: 'read-webhook-transactions',
    text: `with front as (
             select event_id as id, transaction_key from event_queue where topic = $1 order by event_id limit ${maxScannedEvents}),
           keys as (select transaction_key, min(id) as first from front group by 1),
           sizes as (
             select k.*, g.events,
                    g.newest < now() - $2 * interval '1 ms' or g.oldest < now() - $3 * interval '1 ms' as whole
               from keys k cross join lateral (
                 select count(*) as events, max(received_at) as newest, min(received_at) as oldest from event_queue q
                  where q.transaction_key = k.transaction_key and q.topic = $1) g),
           chosen as (
             select transaction_key, first, sum(events) over (order by first) - events as before
               from sizes where whole),
           found as (
             select c.first, e.id, e.schema_id, e.payload, q.transaction_key,
                    row_number() over log as place, sum(octet_length(e.payload)) over log as bytes
               from chosen c join event_queue q on q.transaction_key = c.transaction_key
               join events e on e.id = q.event_id
              where c.before < ${maxEvents} and q.topic = $1
             window log as (order by c.first, e.id))
           select id, schema_id, payload, transaction_key, exists (select from sizes where not whole) as more
             from found where place <= ${transactionLimit.events} and (place = 1 or bytes <= ${transactionLimit.bytes})
           union all
           select null, null, null, null, true where exists (select from sizes where not whole)
            order by 1`,
    values: [webhookTopics.changeEvents, quietMs, maxWaitMs],
  });
  const byKey = Map.groupBy(rows.filter(isEvent), (row) => row.transaction_key);
  const transactions = [...byKey.values()].map((events) =>
    events.map(({ id, schema_id, payload }) => ({ id, schemaId: schema_id, payload })),
  );
  return { transactions, hasIncomplete: rows.some(({ more }) => more) };
}

function isEvent(row: Row): row is EventRow {
  return row.id !== null;
}

type EventRow = {
  readonly id: bigint;
  readonly schema_id: string;
  readonly payload: Buffer;
  readonly transaction_key: string;
  readonly more: boolean;
};

type Row = EventRow | { readonly id: null; readonly more: boolean };
