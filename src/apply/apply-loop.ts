import type { AppContext } from '../context.ts';
import type { Lease } from '../db/lease.ts';
import { runLoop } from '../run-loop.ts';
import { backoffMs } from '../salesforce/backoff.ts';
import { applyWaiting } from './apply-events.ts';
import { createApplyReporter } from './apply-fault.ts';
import { applyWebhooks, type WebhooksApplied } from './apply-webhooks.ts';
import { readWaitingSources } from './event-rows.ts';
import { createBatchReader } from './read-transactions.ts';

// Stored events send a wake-up; the poll finds those whose wake-up was lost.
const pollMs = 5_000;
// Short, because the usual cause is the database of Tidemark, which needs no protection from retries.
const maxPauseMs = 3_000;
const incompletePollMs = 50;
const noWebhooks: WebhooksApplied = { done: 0, hasIncomplete: false };

/** Applies stored events, of the stream and of webhooks, as soon as their transactions are complete. */
export async function applyUntilAborted(
  context: Pick<
    AppContext,
    'pool' | 'topic' | 'codes' | 'schemas' | 'jobs' | 'faults' | 'wakeUps' | 'activity' | 'logger'
  > & {
    readonly lease: Lease;
  },
  signal: AbortSignal,
): Promise<void> {
  const report = createApplyReporter(context);
  const reader = createBatchReader(context);
  await runLoop({
    step: async () => {
      const waiting = await readWaitingSources(context.pool, reader.isAhead ? null : context.topic);
      // A failure of one source must not delay the other, so it is thrown after both were processed.
      const [stream] = await Promise.allSettled([waiting.stream && applyWaiting(context, reader)]);
      const webhooks = waiting.webhooks ? await applyWebhooks(context) : noWebhooks;
      if (stream.status === 'rejected') throw stream.reason;
      await report.succeeded();
      // Events that have arrived since the queue was read have sent a wake-up.
      if (reader.isAhead || webhooks.done > 0) return 'again';
      // The time limit of an incomplete transaction sends no wake-up.
      return webhooks.hasIncomplete ? { pauseMs: incompletePollMs } : 'wait';
    },
    wakeOn: (ms) => context.wakeUps.next('apply', ms),
    pollMs,
    backoff: (failures) => Math.min(maxPauseMs, backoffMs('transient', failures, Math.random())),
    onFailure: (error) => report.failed(error),
    signal,
  });
  report.end();
}
