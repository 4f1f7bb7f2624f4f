import type pg from 'pg';
import { countEvents, measureConfirmed } from '../activity.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction } from '../db/database.ts';
import { requestReads } from '../incidents/request-reads.ts';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import { type Notice, parseNotice, toGapEvent } from '../salesforce/outbound-message.ts';
import { applyChanges } from './apply-changes.ts';
import { type ApplyContext, applyTransactions, enqueue } from './apply-events.ts';
import { tryDecode } from './decode-stored.ts';
import { type EventOutcome, saveEventOutcomes, takeFromQueue } from './event-rows.ts';
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
async function applyNotices({ pool, topic, codes, jobs, activity }: ApplyContext): Promise<number> {
  const stored = await readNotices(pool);
  if (stored.length === 0) return 0;
  const { outcomes, applied } = await inTransaction(pool, async (client) => {
    // Lock before reading versions, so that they cannot change in between.
    await lockAccountWrites(client);
    const attemptsById = await takeFromQueue(
      client,
      webhookTopics.outboundMessages,
      stored.map(({ id }) => id),
    );
    const taken = stored.filter(({ id }) => attemptsById.has(id));
    const accounts = taken.filter(({ notice }) => notice.entityName === 'Account');
    const { changes, unknownIds } = await requestReads(
      client,
      topic,
      accounts.map(({ notice }) => ({ id: notice.recordId, reportedAt: notice.receivedAt })),
    );
    const applied = await applyChanges(client, changes, codes);
    const outcomes = taken.map(
      ({ id, notice }): EventOutcome => ({
        id,
        source: 'webhook',
        state: notice.entityName === 'Account' ? 'applied' : 'skipped',
        error: null,
        header: toGapEvent(notice).header,
        attempts: attemptsById.get(id) ?? 0,
      }),
    );
    await saveEventOutcomes(client, outcomes);
    await enqueue(client, jobs, applied);
    await jobs.enqueueRereads(client, unknownIds);
    return { outcomes, applied };
  });
  countEvents(activity, outcomes);
  measureConfirmed(activity, applied.confirmed);
  return outcomes.length;
}

async function readNotices(pool: pg.Pool): Promise<{ readonly id: bigint; readonly notice: Notice }[]> {
  const { rows } = await pool.query<{ id: bigint; payload: Buffer }>({
    name: 'read-notices',
    text: `select e.id, e.payload from event_queue q join events e on e.id = q.event_id
            where q.topic = $1 order by q.event_id limit ${maxNotices}`,
    values: [webhookTopics.outboundMessages],
  });
  return rows.map(({ id, payload }) => ({ id, notice: parseNotice(payload.toString()) }));
}
