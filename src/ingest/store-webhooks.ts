// Hot statements: hand-written.
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { jsonSchemaPrefix, noticeSchemaId } from '../apply/decode-stored.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { canonicalJson } from '../salesforce/exact-json.ts';
import type { JsonEvent } from '../salesforce/json-change-event.ts';
import { formatNotice, type Notice } from '../salesforce/outbound-message.ts';
import { eventKey } from './event-key.ts';

/** Topics of webhook events in the log. */
export const webhookTopics = {
  changeEvents: '/webhooks/change-events',
  outboundMessages: '/webhooks/outbound-messages',
} as const;

/** A request with change events. */
export type WebhookRequest = {
  /** Id from the sender; a repeated request has the same id. */
  readonly id: string;
  readonly body: Uint8Array;
  readonly events: readonly JsonEvent[];
  /** Id of the Avro schema with the field types. */
  readonly schemaId: string;
};

/**
 * - `stored`: new events were appended to the log
 * - `known`: the request was stored before
 * - `reused`: its id belongs to a request with another body; nothing was stored
 */
export type StoredRequest =
  | { readonly kind: 'stored'; readonly events: number }
  | { readonly kind: 'known' }
  | { readonly kind: 'reused' };

/** Appends the events of a request to the log, all or none. Events whose content is already in the log are skipped. */
export async function storeWebhookEvents(pool: pg.Pool, request: WebhookRequest): Promise<StoredRequest> {
  return inTransaction(pool, async (client) => {
    const digest = sha256(request.body);
    const { rowCount } = await client.query({
      name: 'store-webhook-request',
      text: 'insert into webhook_requests (id, digest) values ($1, $2) on conflict (id) do nothing',
      values: [request.id, digest],
    });
    if (rowCount === 0)
      return (await isSame(client, request.id, digest)) ? { kind: 'known' } : { kind: 'reused' };
    const rows = request.events.map(({ eventId, header, payload }, index) => {
      const text = Buffer.from(canonicalJson(payload));
      const id = eventId ?? `${request.id}#${index}`;
      return { eventId: id, payload: text, key: eventKey(webhookTopics.changeEvents, text), header };
    });
    const events = await insertRows(
      client,
      webhookTopics.changeEvents,
      jsonSchemaPrefix + request.schemaId,
      rows,
    );
    return { kind: 'stored', events };
  });
}

/** Appends notifications of outbound messages to the log, all or none. Those already in the log are skipped. */
export async function storeNotices(pool: pg.Pool, notices: readonly Notice[]): Promise<number> {
  return inTransaction(pool, (client) => {
    const rows = notices.map((notice) => ({
      eventId: notice.notificationId,
      payload: Buffer.from(formatNotice(notice)),
      // Only of the parts that are the same when the notification is sent again.
      key: eventKey(
        webhookTopics.outboundMessages,
        Buffer.from(`${notice.notificationId} ${notice.recordId}`),
      ),
      header: { transactionKey: notice.notificationId },
    }));
    return insertRows(client, webhookTopics.outboundMessages, noticeSchemaId, rows);
  });
}

async function isSame(client: Queryable, id: string, digest: Buffer): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'is-same-webhook-request',
    text: 'select from webhook_requests where id = $1 and digest = $2',
    values: [id, digest],
  });
  return rowCount === 1;
}

/** The queue has the transaction key, because transactions are grouped before they are decoded. */
async function insertRows(
  client: Queryable,
  topic: string,
  schemaId: string,
  rows: readonly Row[],
): Promise<number> {
  const { rows: counts } = await client.query<{ stored: number }>({
    name: 'store-webhook-events',
    text: `with received as (
             select * from json_to_recordset($3::json)
               as e (place int, event_id text, payload text, key uuid, transaction_key text)),
           stored as (
             insert into events (topic, source, event_id, schema_id, payload, key)
             select $1, 'webhook', event_id, $2, decode(payload, 'base64'), key from received order by place
             on conflict (key) do nothing
             returning id, key, received_at),
           queued as (
             insert into event_queue (topic, event_id, received_at, transaction_key)
             select distinct on (s.id) $1, s.id, s.received_at, r.transaction_key
               from stored s join received r using (key))
           select count(*)::int as stored from stored`,
    values: [
      topic,
      schemaId,
      storableJson(
        rows.map(({ eventId, payload, key, header }, place) => ({
          place,
          event_id: eventId,
          payload: payload.toString('base64'),
          key,
          transaction_key: header.transactionKey,
        })),
      ),
    ],
  });
  await sendWakeUp(client, 'apply');
  return counts[0]?.stored ?? 0;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

type Row = {
  readonly eventId: string;
  readonly payload: Buffer;
  readonly key: string;
  readonly header: Pick<JsonEvent['header'], 'transactionKey'>;
};
