import { inTransaction } from '../db/database.ts';
import { logFailure } from '../db/log-failure.ts';
import { checkFields } from '../fields/check-fields.ts';
import { closeByResync } from '../incidents/close-incidents.ts';
import { markLoaded } from '../ingest/subscription-rows.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import { applyPage } from './apply-reads.ts';
import { settleInvisible } from './deletion/settle-invisible.ts';
import { finishResync } from './finish-resync.ts';
import { prefetch, readMissing, readPages } from './pages.ts';
import { readCurrentFields } from './read-plan.ts';
import { requestRepair } from './request-resync.ts';
import { saveProgress, saveUnknownIds } from './resync-rows.ts';
import type { Outcome, Page, ResyncContext, RunningResync } from './snapshot.ts';
import { findDifferingSpans, hasOrphans, readSpan } from './windows.ts';

/**
 * Reads what a resync covers and merges it into the mirror. Deleted records are marked as deleted; accounts that are
 * absent without proof of a deletion are settled at the end.
 */
export async function repair(run: RunningResync): Promise<Outcome> {
  const { row, snapshot } = run;
  const { plan, clearedFields, onlyFields } = snapshot;
  const hasFields = onlyFields === undefined || plan.fields.length + clearedFields.length > 0;
  if (hasFields) for await (const page of prefetch(readPages(run))) await apply(run, page);
  if (row.scope === 'all') for await (const page of readMissing(run)) await apply(run, page);
  if (row.scope === 'since' && (await hasOrphans(run))) await repairOrphans(run);
  if (!(await settleInvisible(run))) return { stopped: true };
  if (row.reason === 'initial') await analyzeAccounts(run.context);
  return { stopped: false, different: null, unstored: await finish(run) };
}

/** The planner has no statistics on tables that were just filled, and autovacuum collects them a minute later. */
async function analyzeAccounts({ pool, logger }: ResyncContext): Promise<void> {
  try {
    const { sql } = await loadMirror(pool);
    await pool.query(`analyze ${sql}, records, signup_codes`);
  } catch (error) {
    logFailure(logger, error, 'statistics of loaded accounts not collected');
  }
}

async function apply({ context, row, snapshot }: RunningResync, page: Page): Promise<void> {
  await applyPage(context, snapshot, page, async (client, { unknownIds, ...counts }) => {
    await saveUnknownIds(client, row.id, row.scope === 'accounts' ? unknownIds : []);
    await saveProgress(client, row, counts, page.resume);
  });
}

/**
 * Finds accounts that were deleted and purged: a query by modification time does not return them, so counts in windows
 * show where the mirror has more than Salesforce.
 */
async function repairOrphans(run: RunningResync): Promise<void> {
  const spans = await findDifferingSpans(run);
  for (const span of spans ?? []) {
    for await (const page of readSpan(run, span)) await apply(run, page);
  }
  if (spans === undefined) await requestFull(run.context, 'too much differs');
}

/** @returns the number of records that could not be stored */
async function finish(run: RunningResync): Promise<number> {
  const { context, row, callWithinBudget } = run;
  // Fields that changed during the read are read again.
  if (row.scope !== 'accounts')
    await checkFields(context, await readCurrentFields(context, callWithinBudget));
  return inTransaction(context.pool, async (client) => {
    const unstored = await finishResync(client, row);
    await closeByResync(client, row.id);
    if (row.scope === 'all') await markLoaded(client, context.topic);
    return unstored;
  });
}

async function requestFull(context: ResyncContext, reason: string): Promise<void> {
  await inTransaction(context.pool, async (client) => {
    await requestRepair(client, context.jobs.enqueueResync, { scope: 'all', reason });
  });
}
