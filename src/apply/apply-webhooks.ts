import type pg from 'pg';
import { inTransaction, type Queryable } from '../db/database.ts';
import { requestReads } from '../incidents/request-reads.ts';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import { type Notice, parseNotice } from '../salesforce/outbound-message.ts';
import { applyChanges, lockAccountWrites } from './apply-changes.ts';
import { type ApplyContext, applyTransactions, enqueue } from './apply-events.ts';
import { tryDecode } from './decode-stored.ts';
import { readWebhookTransactions } from './webhook-rows.ts';

/** What was done, and whether something waits that may be ready soon. */
export type WebhooksApplied = { readonly done: number; readonly more: boolean };

/** Applies what came by webhook, in the same way as what came by the stream. */
export async function applyWebhooks(context: ApplyContext): Promise<WebhooksApplied> {
  const noticed = await applyNotices(context);
  const { transactions, more } = await readWebhookTransactions(context.pool);
  const decoded = await Promise.all(
    transactions.map((events) => Promise.all(events.map((event) => tryDecode(event, context.schemas)))),
  );
  const applied = await applyTransactions({ ...context, source: 'webhook' }, decoded);
  return { done: noticed + applied, more };
}

const noticesAtOnce = 500;

/**
 * An outbound message says that a record changed; its values are of the time of sending, so the record is read again.
 * @returns how many were dealt with
 */
async function applyNotices({ pool, topic, codes, jobs }: ApplyContext): Promise<number> {
  return inTransaction(pool, async (client) => {
    const waiting = await lockNotices(client);
    if (waiting.length === 0) return 0;
    // The lock of the mirror comes first: the versions that are read stay as they are.
    await lockAccountWrites(client);
    const accounts = waiting.filter(({ notice }) => notice.entityName === 'Account');
    const { changes, unknownIds } = await requestReads(
      client,
      topic,
      accounts.map(({ notice }) => ({ id: notice.recordId, reportedAt: notice.receivedAt })),
    );
    const applied = await applyChanges(client, changes, codes);
    await markNotices(client, waiting);
    await enqueue(client, jobs, applied);
    await jobs.enqueueRereads(client, unknownIds);
    return waiting.length;
  });
}

async function lockNotices(
  client: pg.PoolClient,
): Promise<{ readonly id: bigint; readonly notice: Notice }[]> {
  const { rows } = await client.query<{ id: bigint; payload: Buffer }>({
    name: 'lock-notices',
    text: `select id, payload from events where topic = $1 and state = 'stored'
            order by id limit ${noticesAtOnce} for update skip locked`,
    values: [webhookTopics.outboundMessages],
  });
  return rows.map(({ id, payload }) => ({ id, notice: parseNotice(payload.toString()) }));
}

async function markNotices(
  client: Queryable,
  waiting: readonly { readonly id: bigint; readonly notice: Notice }[],
): Promise<void> {
  await client.query({
    name: 'mark-notices',
    text: `update events e
              set state = case when entity_name = 'Account' then 'applied' else 'skipped' end, error = null,
                  attempts = attempts + 1, position = nextval('event_positions'), applied_at = clock_timestamp(),
                  change_type = 'GAP_UPDATE', commit_timestamp = received_at, commit_number = 0
            where id = any($1::bigint[])`,
    values: [waiting.map(({ id }) => id)],
  });
}
