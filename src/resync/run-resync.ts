import { markRepairing } from '../incidents/incident-rows.ts';
import { applyPage } from './apply-reads.ts';
import { closeBulkJobs } from './bulk-pages.ts';
import { readPagesById } from './pages.ts';
import { repair } from './repair.ts';
import { type Claim, isClaimLost, ResyncEndedError } from './resync-claim.ts';
import { resetProgress, startResync } from './resync-rows.ts';
import {
  findPlanChange,
  type ResyncContext,
  type RunningResync,
  resumeSnapshot,
  SnapshotLostError,
  startSnapshot,
} from './snapshot.ts';
import { verify } from './verify.ts';
import { createSalesforceCalls } from './within-budget.ts';

/**
 * Runs a resync to its end, from where an earlier try was interrupted. Does nothing if it has ended; stops within a
 * second if it is cancelled or another process claims it.
 *
 * @param onFailure called with the failure of this try before it is thrown
 */
export async function runResync(
  context: ResyncContext,
  id: string,
  stopping: AbortSignal,
  onFailure: (claim: Claim, error: Error) => Promise<void> = async () => {},
): Promise<void> {
  const row = await startResync(context.pool, id);
  if (row === undefined) return;
  const lost = watchClaim(context, row);
  const signal = AbortSignal.any([stopping, lost.signal]);
  try {
    const { callWithinBudget, whenSignedIn } = createSalesforceCalls(context, signal, row);
    const snapshot = await whenSignedIn(() => resumeSnapshot(context, row, callWithinBudget));
    await markRepairing(context.prisma, { resyncId: id });
    const run: RunningResync = { context, row, snapshot, callWithinBudget, signal };
    const outcome = await (row.mode === 'repair' ? repair(run) : verify(run)).catch(async (error: Error) => {
      throw (await findPlanChange(run, error)) ?? error;
    });
    if (outcome.stopped) return;
    const { different, unstored } = outcome;
    const { scope, mode, reason } = row;
    const facts = { resync: id, scope, mode, reason, ...(different === null ? {} : { different }) };
    if (unstored === 0) context.logger.info(facts, 'resync finished');
    else context.logger.error({ ...facts, unstored }, 'resync finished; some records cannot be stored');
  } catch (error) {
    if (!(error instanceof ResyncEndedError) && !lost.signal.aborted) {
      if (error instanceof SnapshotLostError) await resetProgress(context.pool, row);
      const failure = error instanceof SnapshotLostError ? error.reason : (error as Error);
      await onFailure(row, failure);
      throw failure;
    }
    // If this fails, the sweep closes them.
    await closeBulkJobs(context).catch((failure: Error) =>
      context.logger.warn({ err: failure }, 'aborting a bulk job failed; the sweep retries it'),
    );
    context.logger.info({ resync: id }, 'resync cancelled or taken over by another process');
  } finally {
    lost.stop();
  }
}

/** Reads accounts again and merges what Salesforce holds. */
export async function rereadAccounts(
  context: ResyncContext,
  ids: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const { callWithinBudget, whenSignedIn } = createSalesforceCalls(context, signal);
  const snapshot = await whenSignedIn(() => startSnapshot(context, callWithinBudget));
  await markRepairing(context.prisma, { accountIds: ids });
  for await (const page of readPagesById({ context, snapshot, callWithinBudget }, ids)) {
    await applyPage(context, snapshot, page);
  }
}

const pollIntervalMs = 400;

/** Aborts its signal when the claim is lost. */
function watchClaim({ prisma }: ResyncContext, claim: Claim): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    isClaimLost(prisma, claim).then(
      (isLost) => isLost && controller.abort(new ResyncEndedError()),
      () => {},
    );
  }, pollIntervalMs);
  return { signal: controller.signal, stop: () => clearInterval(timer) };
}
