import { createHash } from 'node:crypto';
import type pg from 'pg';
import { jsonSchemaPrefix, noticeSchemaId } from '../apply/decode-stored.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { canonicalJson } from '../salesforce/exact-json.ts';
import type { JsonEvent } from '../salesforce/json-change-event.ts';
import { formatNotice, type Notice } from '../salesforce/outbound-message.ts';

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
      return { eventId: id, payload: text, digest: sha256(text), header };
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
      digest: sha256(Buffer.from(`${notice.notificationId} ${notice.recordId}`)),
      header: {
        entityName: notice.entityName,
        recordIds: [notice.recordId],
        transactionKey: notice.notificationId,
        sequenceNumber: 1,
      },
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

/** Stores the transaction key and sequence number at once, because transactions are grouped before they are decoded. */
async function insertRows(
  client: Queryable,
  topic: string,
  schemaId: string,
  rows: readonly Row[],
): Promise<number> {
  const { rowCount } = await client.query({
    name: 'store-webhook-events',
    text: `insert into events (topic, source, event_id, schema_id, payload, digest, entity_name, record_ids,
                               transaction_key, sequence_number, changed_fields)
           select $1, 'webhook', event_id, $2, payload, digest, entity_name,
                  array(select jsonb_array_elements_text(ids)), transaction_key, sequence_number, '{}'
             from unnest($3::text[], $4::bytea[], $5::bytea[], $6::text[], $7::jsonb[], $8::text[], $9::int[])
               with ordinality as t (event_id, payload, digest, entity_name, ids, transaction_key, sequence_number, place)
            order by place
           on conflict do nothing`,
    values: [
      topic,
      schemaId,
      rows.map(({ eventId }) => eventId),
      rows.map(({ payload }) => payload),
      rows.map(({ digest }) => digest),
      rows.map(({ header }) => header.entityName),
      rows.map(({ header }) => storableJson(header.recordIds)),
      rows.map(({ header }) => header.transactionKey),
      rows.map(({ header }) => header.sequenceNumber),
    ],
  });
  await sendWakeUp(client, 'apply');
  return rowCount ?? 0;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

type Row = {
  readonly eventId: string;
  readonly payload: Buffer;
  readonly digest: Buffer;
  readonly header: Pick<
    JsonEvent['header'],
    'entityName' | 'recordIds' | 'transactionKey' | 'sequenceNumber'
  >;
};
