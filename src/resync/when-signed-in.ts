import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { retryDelayMs } from '../salesforce/backoff.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Claim } from './resync-claim.ts';

export type SignInWait = {
  readonly signal: AbortSignal;
  /** Told of each failed sign-in, and with undefined when the wait is over. */
  readonly onWait: (error: SalesforceError | undefined) => Promise<void>;
};

// Then the job is given back, and the queue brings it again.
const maxWaitMs = 10 * 60_000;

/**
 * Carries out a call as soon as signing in works: a job does not use up its tries while nobody can sign in, and goes on at
 * once when somebody can.
 * @throws what the call throws, the error of the sign-in after ten minutes, or the reason of the signal
 */
export async function whenSignedIn<T>(call: () => Promise<T>, { signal, onWait }: SignInWait): Promise<T> {
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

/** Shows in the row of a resync that it waits for the sign-in, and since when. */
export async function saveSignInWait(
  pool: pg.Pool,
  { id, claim }: Claim,
  error: SalesforceError | undefined,
): Promise<void> {
  const waiting = error && {
    reason: 'sign-in',
    code: error.code,
    message: error.message,
    action: error.action,
  };
  await pool.query({
    name: 'note-sign-in-wait',
    text: `update resyncs set waiting = $2::jsonb || jsonb_build_object('since', coalesce(case waiting ->> 'reason' when 'sign-in' then waiting -> 'since' end, to_jsonb($4::text)))
            where id = $1 and claim = $3`,
    values: [id, waiting === undefined ? null : JSON.stringify(waiting), claim, new Date().toISOString()],
  });
}
