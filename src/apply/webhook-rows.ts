import type pg from 'pg';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import type { StoredEvent } from './event-rows.ts';

/** Whole transactions that wait to be applied, and whether there are others that may not be whole yet. */
export type WaitingTransactions = {
  readonly transactions: readonly StoredEvent[][];
  readonly more: boolean;
};

/**
 * Nothing says which request is the last of a transaction. What one request brings is in the log at once; a transaction
 * is taken for whole when no request has brought a part of it for this long.
 */
const gatherMs = 250;
// A transaction that parts are brought of again and again is not waited for for ever.
const longestGatherMs = 5_000;
// Events whose transactions are looked at in one reading, and how much of them is read.
const lookedAt = 5_000;
const readAtOnce = 1_000;
const largest = { events: 100_000, bytes: 256 * 1024 ** 2 } as const;

/** Transactions in the order in which their first events came. One that is larger than the limits comes in parts. */
export async function readWebhookTransactions(pool: pg.Pool): Promise<WaitingTransactions> {
  const { rows } = await pool.query<Row>({
    name: 'read-webhook-transactions',
    text: `with front as (
             select id, transaction_key from events where topic = $1 and state = 'stored' order by id limit ${lookedAt}),
           keys as (select transaction_key, min(id) as first from front group by 1),
           sizes as (
             select k.*, g.events,
                    g.newest < now() - $2 * interval '1 ms' or g.oldest < now() - $3 * interval '1 ms' as whole
               from keys k cross join lateral (
                 select count(*) as events, max(received_at) as newest, min(received_at) as oldest from events e
                  where e.source = 'webhook' and e.transaction_key = k.transaction_key
                    and e.topic = $1 and e.state = 'stored') g),
           chosen as (
             select transaction_key, first, sum(events) over (order by first) - events as before
               from sizes where whole),
           found as (
             select c.first, e.id, e.schema_id, e.payload, e.transaction_key,
                    row_number() over log as place, sum(octet_length(e.payload)) over log as bytes
               from chosen c join events e on e.source = 'webhook' and e.transaction_key = c.transaction_key
              where c.before < ${readAtOnce} and e.topic = $1 and e.state = 'stored'
             window log as (order by c.first, e.id))
           select id, schema_id, payload, transaction_key, exists (select from sizes where not whole) as more
             from found where place <= ${largest.events} and (place = 1 or bytes <= ${largest.bytes})
           union all
           select null, null, null, null, true where exists (select from sizes where not whole)
            order by 1`,
    values: [webhookTopics.changeEvents, gatherMs, longestGatherMs],
  });
  const byKey = Map.groupBy(rows.filter(isEvent), (row) => row.transaction_key);
  const transactions = [...byKey.values()].map((events) =>
    events.map(({ id, schema_id, payload }) => ({ id, schemaId: schema_id, payload })),
  );
  return { transactions, more: rows.some(({ more }) => more) };
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
