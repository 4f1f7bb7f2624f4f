import { setTimeout as pause } from 'node:timers/promises';
import type { Waiting } from '../salesforce/api-budget.ts';
import { retryDelayMs } from '../salesforce/backoff.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import type { Claim } from './resync-claim.ts';
import { saveBudgetWait, saveSignInWait } from './resync-rows.ts';
import type { ResyncContext } from './snapshot.ts';

export type SignInRetry = {
  readonly signal: AbortSignal;
  /** Called with each failure of the sign-in, and with undefined when the wait is over. */
  readonly onWait: (error: SalesforceError | undefined) => Promise<void>;
};

export type SalesforceCalls = {
  /** Calls Salesforce when the API budget has room and the sign-in works. */
  readonly callWithinBudget: CallWithinBudget;
  /** Repeats the work while the sign-in fails. */
  readonly whenSignedIn: <T>(work: () => Promise<T>) => Promise<T>;
};

/**
 * Calls for a resync or for re-reads. The row of a resync shows what it waits for.
 * @param resync also makes calls reject when the signal aborts, without waiting for the response
 */
export function createSalesforceCalls(
  { org, pool, prisma, logger }: ResyncContext,
  signal: AbortSignal,
  resync?: Claim,
): SalesforceCalls {
  const { id } = resync ?? {};
  let isSigningIn = false;
  let isOutOfRequests = false;
  const signIn: SignInRetry = {
    signal,
    async onWait(error) {
      if (error === undefined) logger.info({ resync: id }, 'signed in to Salesforce; reading continues');
      else if (!isSigningIn) {
        const { code, message, action } = error;
        logger.warn({ resync: id, code, reason: message, action }, 'waiting for the sign-in to Salesforce');
      }
      isSigningIn = error !== undefined;
      if (resync !== undefined) await saveSignInWait(pool, resync, error);
    },
  };
  const budget: Waiting = {
    signal,
    async onWait(usage) {
      isOutOfRequests = !isOutOfRequests;
      if (isOutOfRequests) logger.warn({ resync: id, ...usage }, 'waiting for API requests');
      else logger.info({ resync: id }, 'API requests are available; reading continues');
      if (resync !== undefined) await saveBudgetWait(prisma, resync, usage);
    },
  };
  const call: CallWithinBudget = (work) =>
    retryDuringSignIn(() => org.budget.spend(() => retryRefused(work), budget), signIn);
  return {
    callWithinBudget: resync === undefined ? call : (work) => rejectOnAbort(call(work), signal),
    whenSignedIn: (work) => retryDuringSignIn(work, signIn),
  };
}

/** Repeats a refused call once: a single refusal must not end a resync that has read millions of records. */
async function retryRefused<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isPermanent(error)) return call();
    throw error;
  }
}

/** Whether retries of a resync cannot succeed until an operator has acted. */
export function isPermanent(error: unknown): boolean {
  // Failures of the sign-in are always retried.
  if (!(error instanceof SalesforceError) || error.duringSignIn) return false;
  // A response without a Salesforce error code may come from a proxy.
  return ['config', 'permission', 'bug'].includes(error.failure) && !error.code.startsWith('ERROR_HTTP_');
}

// After that the job fails, and the queue retries it.
const maxWaitMs = 10 * 60_000;

/**
 * Repeats a call while the sign-in fails: a job does not use up its tries during an outage of the sign-in.
 * @throws the error of the call, that of the sign-in after ten minutes, or the reason of the signal
 */
export async function retryDuringSignIn<T>(
  call: () => Promise<T>,
  { signal, onWait }: SignInRetry,
): Promise<T> {
  const end = performance.now() + maxWaitMs;
  for (let failures = 0; ; ) {
    try {
      const result = await call();
      if (failures > 0) await onWait(undefined);
      return result;
    } catch (error) {
      if (!(error instanceof SalesforceError) || !error.duringSignIn) throw error;
      if (performance.now() > end) throw error;
      await onWait(error);
      await pause(retryDelayMs(error, ++failures, Math.random()), undefined, { signal });
    }
  }
}

async function rejectOnAbort<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
