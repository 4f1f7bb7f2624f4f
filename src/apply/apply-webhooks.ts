import type pg from 'pg';
import { inTransaction, type Queryable } from '../db/database.ts';
import { requestReads } from '../incidents/request-reads.ts';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import { type Notice, parseNotice } from '../salesforce/outbound-message.ts';
import { applyChanges, lockAccountWrites } from './apply-changes.ts';
import { type ApplyContext, applyTransactions, enqueue } from './apply-events.ts';
import { tryDecode } from './decode-stored.ts';
import { readWebhookTransactions } from './webhook-rows.ts';

/** The number of processed events. `hasIncomplete`: transactions may be complete soon. */
export type WebhooksApplied = { readonly done: number; readonly hasIncomplete: boolean };

/** Applies notifications of outbound messages, and events of webhooks in the same way as events of the stream. */
export async function applyWebhooks(context: ApplyContext): Promise<WebhooksApplied> {
  const notices = await applyNotices(context);
  const { transactions, hasIncomplete } = await readWebhookTransactions(context.pool);
  const decoded = await Promise.all(
    transactions.map((events) => Promise.all(events.map((event) => tryDecode(event, context.schemas)))),
  );
  const applied = await applyTransactions({ ...context, source: 'webhook' }, decoded);
  return { done: notices + applied, hasIncomplete };
}

const maxNotices = 500;

/**
 * Enqueues reads of the records that outbound messages report as changed. Their values are not used, because they are
 * those of the time of sending.
 * @returns the number of processed notifications
 */
async function applyNotices({ pool, topic, codes, jobs }: ApplyContext): Promise<number> {
  return inTransaction(pool, async (client) => {
    const waiting = await lockNotices(client);
    if (waiting.length === 0) return 0;
    // Lock before reading versions, so that they cannot change in between.
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
            order by id limit ${maxNotices} for update skip locked`,
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
