import type { AppContext } from '../context.ts';
import type { Lease } from '../db/lease.ts';
import { runLoop } from '../run-loop.ts';
import { backoffMs } from '../salesforce/backoff.ts';
import { applyWaiting } from './apply-events.ts';
import { createApplyReporter } from './apply-fault.ts';
import { applyWebhooks } from './apply-webhooks.ts';
import { hasStoredEvents } from './event-rows.ts';

const pollMs = 1_000;
// Short, because the usual cause is the database of Tidemark, which needs no protection from retries.
const maxPauseMs = 3_000;
const incompletePollMs = 50;

/** Applies stored events, of the stream and of webhooks, as soon as their transactions are complete. */
export async function applyUntilAborted(
  context: Pick<
    AppContext,
    'pool' | 'topic' | 'codes' | 'schemas' | 'jobs' | 'faults' | 'wakeUps' | 'logger'
  > & {
    readonly lease: Lease;
  },
  signal: AbortSignal,
): Promise<void> {
  const report = createApplyReporter(context);
  let isIdle = false;
  await runLoop({
    step: async () => {
      if (isIdle && !(await hasStoredEvents(context.pool))) return 'wait';
      isIdle = false;
      // A failure of one source must not delay the other, so it is thrown after both were processed.
      const [stream] = await Promise.allSettled([applyWaiting(context)]);
      const webhooks = await applyWebhooks(context);
      if (stream.status === 'rejected') throw stream.reason;
      await report.succeeded();
      if (stream.value + webhooks.done > 0) return 'again';
      // The time limit of an incomplete transaction sends no wake-up.
      if (webhooks.hasIncomplete) return { pauseMs: incompletePollMs };
      isIdle = true;
      return 'wait';
    },
    wakeOn: (ms) => context.wakeUps.next('apply', ms),
    pollMs,
    backoff: (failures) => Math.min(maxPauseMs, backoffMs('transient', failures, Math.random())),
    onFailure: (error) => report.failed(error),
    signal,
  });
  report.end();
}
