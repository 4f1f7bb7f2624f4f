import { retryDelayMs } from '../salesforce/backoff.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import type { RetryPolicy } from './judge-result.ts';

/**
 * The batch size and the backoff of the write-back.
 * Each call that fails or is refused as a whole makes the next one smaller, down to a single account. This isolates a
 * record that fails every call, and reduces the load on an org that has problems.
 */
export type Pace = {
  /** Consecutive calls that failed or that the org refused as a whole. */
  readonly failures: number;
  /** Maximum number of accounts in the next call. */
  readonly batchSize: number;
  /** A batch size that the org could not process; calls stay below it until then (epoch milliseconds). */
  readonly refusedSize: { readonly size: number; readonly until: number } | null;
};

export const fullPace: Pace = { failures: 0, batchSize: maxBatch, refusedSize: null };

/** Consecutive failures that open the circuit breaker, which `/v1/status` shows. */
const minFailuresToOpen = 3;

// A batch size that fails usually keeps failing, but a deployment in the org can change that at any time.
const refusedSizeTtlMs = 15 * 60_000;

export function isOpen({ failures }: Pace): boolean {
  return failures >= minFailuresToOpen;
}

/**
 * The pace after a call that failed.
 * @param isShrunk whether the batch size has already been reduced because the call was too large
 */
export function afterFailure({ failures, batchSize, refusedSize }: Pace, isShrunk = false): Pace {
  const smaller = isShrunk ? batchSize : Math.max(1, Math.floor(batchSize / 4));
  return { failures: failures + 1, batchSize: smaller, refusedSize };
}

/** The pace after a call that the org refused because it accepts no writes. */
export function afterOrgRefusal({ failures, refusedSize }: Pace): Pace {
  return { failures: failures + 1, batchSize: 1, refusedSize };
}

/** The pace after a call whose records were all locked. */
export function afterBusyRefusal(pace: Pace, size: number): Pace {
  return { ...pace, batchSize: Math.max(1, Math.floor(size / 2)) };
}

/** The pace after a call with too many records: it was refused as a whole or timed out. */
export function afterBatchRefusal({ failures }: Pace, size: number, now: number): Pace {
  const half = Math.max(1, Math.floor(size / 2));
  return {
    failures,
    batchSize: half,
    refusedSize: size > 1 ? { size, until: now + refusedSizeTtlMs } : null,
  };
}

/** The pace after a call that wrote at least one record. */
export function afterSuccess({ batchSize, refusedSize }: Pace, now: number): Pace {
  const remembered = refusedSize !== null && now < refusedSize.until ? refusedSize : null;
  const limit = remembered === null ? maxBatch : remembered.size - 1;
  const next = [batchSize * 4, batchSize * 2].find((size) => Math.min(maxBatch, size) <= limit) ?? batchSize;
  return { failures: 0, batchSize: Math.min(maxBatch, next), refusedSize: remembered };
}

/** The pace after a call that refused every record for a reason of its own. */
export function afterOwnRefusals(pace: Pace, failedAlone: boolean): Pace {
  // This record is the cause of the failures of the larger calls, not their size.
  return { ...pace, failures: 0, refusedSize: failedAlone ? null : pace.refusedSize };
}

/**
 * Milliseconds until the next call after a failure: the backoff, or the wait that Salesforce asks for if it is longer.
 */
export function pauseMs({ failures }: Pace, error: SalesforceError, random: number): number {
  return retryDelayMs(error, Math.max(1, failures), random);
}

/** Milliseconds until the next call to an org that accepts no writes: exponential backoff with jitter. */
export function refusalPauseMs(
  { failures }: Pace,
  { firstPauseMs, maxPauseMs }: RetryPolicy,
  random: number,
): number {
  const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(Math.max(0, failures - 1), 20));
  return Math.round(full / 2 + (full / 2) * random);
}
