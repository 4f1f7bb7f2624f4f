import { markRepairing } from '../incidents/incident-rows.ts';
import type { Waiting } from '../salesforce/api-budget.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import { applyPage } from './apply-reads.ts';
import { closeBulkJobs } from './bulk-reading.ts';
import { byId } from './pages.ts';
import { beginReading, type ResyncContext, type RunningResync, readingOf } from './reading.ts';
import { ReadingLostError } from './reading-lost-error.ts';
import { repair } from './repair.ts';
import { type Claim, isClaimLost, ResyncEndedError } from './resync-claim.ts';
import { resetProgress, saveBudgetWait, startResync } from './resync-rows.ts';
import { verify } from './verify.ts';
import { type SignInWait, saveSignInWait, whenSignedIn } from './when-signed-in.ts';

/**
 * Carries out a requested resync to its end, from where an earlier try was interrupted. One that has ended already is
 * left alone; one that is cancelled meanwhile, or that another process has taken over, stops within a second.
 *
 * @param onFailure hears of a failure of this try before it is thrown
 */
export async function runResync(
  context: ResyncContext,
  id: string,
  stopping: AbortSignal,
  onFailure: (claim: Claim, error: Error) => Promise<void> = async () => {},
): Promise<void> {
  const row = await startResync(context.pool, id);
  if (row === undefined) return;
  const cancelled = watchForEnd(context, row);
  const signal = AbortSignal.any([stopping, cancelled.signal]);
  try {
    const callWithinBudget = abortable(createBudgetedCaller(context, signal, row), signal);
    const wait = signInWait(context, signal, row);
    const reading = await whenSignedIn(() => readingOf(context, row, callWithinBudget), wait);
    await markRepairing(context.pool, { resyncId: id });
    const run: RunningResync = { context, row, reading, callWithinBudget, signal };
    const outcome = await (row.mode === 'repair' ? repair(run) : verify(run));
    if (outcome.stopped) return;
    const { different, unstored } = outcome;
    const { scope, mode, reason } = row;
    const facts = { resync: id, scope, mode, reason, ...(different === null ? {} : { different }) };
    if (unstored === 0) context.logger.info(facts, 'resync done');
    else context.logger.error({ ...facts, unstored }, 'resync ended with records that cannot be stored');
  } catch (error) {
    if (!(error instanceof ResyncEndedError) && !cancelled.signal.aborted) {
      if (error instanceof ReadingLostError) await resetProgress(context.pool, row);
      const failure = error instanceof ReadingLostError ? error.why : (error as Error);
      await onFailure(row, failure);
      throw failure;
    }
    // The sweep does it later where this does not succeed.
    await closeBulkJobs(context).catch((failure: Error) =>
      context.logger.warn({ err: failure }, 'a bulk job could not be aborted yet'),
    );
    context.logger.info({ resync: id }, 'resync cancelled, or gone on with elsewhere');
  } finally {
    cancelled.stop();
  }
}

/** Reads these accounts again and merges what Salesforce holds. */
export async function rereadAccounts(
  context: ResyncContext,
  ids: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const callWithinBudget = createBudgetedCaller(context, signal);
  const reading = await whenSignedIn(
    () => beginReading(context, callWithinBudget),
    signInWait(context, signal),
  );
  await markRepairing(context.pool, { accountIds: ids });
  for await (const page of byId({ context, reading, callWithinBudget }, ids)) {
    await applyPage(context, reading, page);
  }
}

/** Calls within the API budget and once signed in; a resync's row says when it waits for either. */
export function createBudgetedCaller(
  context: ResyncContext,
  signal: AbortSignal,
  resync?: Claim,
): CallWithinBudget {
  const { org, pool, logger } = context;
  const forSignIn = signInWait(context, signal, resync);
  const forBudget: Waiting = {
    signal,
    async onWait(usage) {
      if (usage !== undefined) logger.warn({ resync: resync?.id, ...usage }, 'waiting for API requests');
      if (resync !== undefined) await saveBudgetWait(pool, resync, usage);
    },
  };
  return (call) => whenSignedIn(() => org.budget.spend(call, forBudget), forSignIn);
}

function signInWait({ pool, logger }: ResyncContext, signal: AbortSignal, resync?: Claim): SignInWait {
  let isWaiting = false;
  return {
    signal,
    async onWait(error) {
      if (error !== undefined && !isWaiting) {
        logger.warn({ resync: resync?.id, code: error.code }, 'waiting for the sign-in to Salesforce');
      }
      isWaiting = error !== undefined;
      if (resync !== undefined) await saveSignInWait(pool, resync, error);
    },
  };
}

/** Does not wait for an answer that nobody wants any more. */
function abortable(callWithinBudget: CallWithinBudget, signal: AbortSignal): CallWithinBudget {
  return async (call) => {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([callWithinBudget(call), aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };
}

const pollIntervalMs = 400;

/** Aborts soon after the row says that it is over. */
function watchForEnd({ pool }: ResyncContext, claim: Claim): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    isClaimLost(pool, claim).then(
      (ended) => ended && controller.abort(new ResyncEndedError()),
      () => {},
    );
  }, pollIntervalMs);
  return { signal: controller.signal, stop: () => clearInterval(timer) };
}
