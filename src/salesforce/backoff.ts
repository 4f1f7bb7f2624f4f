import type { FailureClass, SalesforceError } from './error.ts';

type Pause = { readonly firstMs: number; readonly maxMs: number };

const pauses: Readonly<Record<FailureClass, Pause>> = {
  transient: { firstMs: 250, maxMs: 30_000 },
  // The token was replaced; the sign-in limits how often.
  auth: { firstMs: 500, maxMs: 2_000 },
  data: { firstMs: 250, maxMs: 30_000 },
  throttle: { firstMs: 15_000, maxMs: 300_000 },
  quota: { firstMs: 60_000, maxMs: 900_000 },
  config: { firstMs: 30_000, maxMs: 300_000 },
  permission: { firstMs: 30_000, maxMs: 300_000 },
  bug: { firstMs: 30_000, maxMs: 300_000 },
  unknown: { firstMs: 1_000, maxMs: 300_000 },
};

/**
 * Exponential backoff in milliseconds, half of it random so that clients do not retry in step.
 *
 * @param attempt consecutive failures, from 1
 * @param random from 0 to 1
 */
export function backoffMs(failure: FailureClass, attempt: number, random: number): number {
  const { firstMs, maxMs } = pauses[failure];
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full / 2 + (full / 2) * random);
}

/** Milliseconds to wait after a failure. A failed sign-in names the time of the next attempt, which may succeed. */
export function retryDelayMs(error: SalesforceError, attempt: number, random: number): number {
  const { failure, retryAfterMs = 0, duringSignIn } = error;
  if (duringSignIn) return Math.max(minSignInDelayMs, retryAfterMs);
  return Math.max(retryAfterMs, backoffMs(failure, attempt, random));
}

const minSignInDelayMs = 250;
