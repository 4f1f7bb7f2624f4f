import { retryDelayMs } from '../salesforce/backoff.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import type { RetryPolicy } from './judge-result.ts';

/**
 * How many accounts go into a call, and how long Salesforce is left alone.
 * Calls that fail, and calls that are refused as a whole, make the next one smaller, down to a single account: a record
 * that spoils every call with it is found so, and an org in trouble is probed, not stormed.
 */
export type Pace = {
  /** Calls in a row that failed, or that the org refused as a whole. */
  readonly failures: number;
  /** Accounts in the next call at most. */
  readonly batchSize: number;
  /** So many accounts at once were too much for the org; no call gets so large until then (epoch milliseconds). */
  readonly tooMany: { readonly size: number; readonly until: number } | null;
};

export const fullPace: Pace = { failures: 0, batchSize: maxBatch, tooMany: null };

/** From so many failures on the circuit is open, and shown. */
const openFrom = 3;

// An org that cannot take a batch mostly cannot an hour later either; a deployment can change that at any time.
const rememberMs = 15 * 60_000;

export function isOpen({ failures }: Pace): boolean {
  return failures >= openFrom;
}

/**
 * A call failed.
 * @param isShrunk whether the next call is smaller already, since this one was too large
 */
export function paceAfterFailure({ failures, batchSize, tooMany }: Pace, isShrunk = false): Pace {
  const smaller = isShrunk ? batchSize : Math.max(1, Math.floor(batchSize / 4));
  return { failures: failures + 1, batchSize: smaller, tooMany };
}

/** The org takes no writes just now. */
export function afterOrgRefusal({ failures, tooMany }: Pace): Pace {
  return { failures: failures + 1, batchSize: 1, tooMany };
}

/** All records of a call were busy for the moment. */
export function afterBusyRefusal(pace: Pace, size: number): Pace {
  return { ...pace, batchSize: Math.max(1, Math.floor(size / 2)) };
}

/** So many records at once were refused together, or took too long. */
export function afterBatchRefusal({ failures }: Pace, size: number, now: number): Pace {
  const half = Math.max(1, Math.floor(size / 2));
  return {
    failures,
    batchSize: half,
    tooMany: size > 1 ? { size, until: now + rememberMs } : null,
  };
}

/** A call was answered, and at least one record was accepted. */
export function paceAfterSuccess({ batchSize, tooMany }: Pace, now: number): Pace {
  const remembered = tooMany !== null && now < tooMany.until ? tooMany : null;
  const limit = remembered === null ? maxBatch : remembered.size - 1;
  const next = [batchSize * 4, batchSize * 2].find((size) => Math.min(maxBatch, size) <= limit) ?? batchSize;
  return { failures: 0, batchSize: Math.min(maxBatch, next), tooMany: remembered };
}

/** A call was answered, and every record was refused for a reason of its own. */
export function afterOwnRefusals(pace: Pace, failedAlone: boolean): Pace {
  // The failure of one record explains that of the larger calls that it was in.
  return { ...pace, failures: 0, tooMany: failedAlone ? null : pace.tooMany };
}

/** How long Salesforce is left alone: as long as it asks for, and at least as long as the failures suggest. */
export function pauseMs({ failures }: Pace, error: SalesforceError, random: number): number {
  return retryDelayMs(error, Math.max(1, failures), random);
}

/** How long an org that takes no writes is left alone. */
export function refusalPauseMs(
  { failures }: Pace,
  { firstPauseMs, maxPauseMs }: RetryPolicy,
  random: number,
): number {
  const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(Math.max(0, failures - 1), 20));
  return Math.round(full / 2 + (full / 2) * random);
}
