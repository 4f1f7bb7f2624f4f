import type { OrgContext } from '../context.ts';
import { hasUncheckedSchemas } from '../ingest/stored-schemas.ts';
import { readRestoredFields } from '../mirror/restore-columns.ts';
import { readCurrentFields } from '../resync/read-plan.ts';
import { createSalesforceCalls } from '../resync/within-budget.ts';
import { runLoop } from '../run-loop.ts';
import { backoffMs } from '../salesforce/backoff.ts';
import { checkFields } from './check-fields.ts';

const checkIntervalMs = 24 * 3_600_000;
const maxPauseMs = 60_000;

/** Checks the fields of Account at the start, daily, and when events have a schema that was not seen before. */
export async function watchFields(app: OrgContext, signal: AbortSignal): Promise<void> {
  const { pool, timing, wakeUps, logger } = app;
  const context = { ...app, settleMs: timing.settleMs };
  const { callWithinBudget } = createSalesforceCalls(context, signal);
  let dueAt = 0;
  await runLoop({
    step: async () => {
      const isDue = performance.now() >= dueAt || (await hasUncheckedSchemas(pool));
      if (!isDue && (await readRestoredFields(pool)).length === 0) return 'wait';
      await checkFields(context, await readCurrentFields(context, callWithinBudget));
      dueAt = performance.now() + checkIntervalMs;
      return 'wait';
    },
    wakeOn: (ms) => wakeUps.next('schema', ms),
    pollMs: checkIntervalMs,
    backoff: (failures) => Math.min(maxPauseMs, backoffMs('transient', failures, Math.random())),
    onFailure: (error) => logger.debug({ err: error }, 'the check of the fields of Account failed; retrying'),
    signal,
  });
}
