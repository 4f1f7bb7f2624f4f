import { backoffMs } from '../../salesforce/backoff.ts';
import type { SalesforceError } from '../../salesforce/error.ts';
import { maxBatch } from '../../salesforce/signup-codes.ts';

/**
 * How calls that failed as a whole are taken. Each failure makes the next batch smaller, down to a single account:
 * a record that makes every call with it fail is found so, and an org in trouble is probed, not stormed.
 */
export type Circuit = {
  /** Calls in a row that failed. */
  readonly failures: number;
  /** Accounts in the next call at most. */
  readonly batchSize: number;
};

export const closed: Circuit = { failures: 0, batchSize: maxBatch };

/** From so many failures on the circuit is open, and shown. */
const openFrom = 3;

export function isOpen({ failures }: Circuit): boolean {
  return failures >= openFrom;
}

export function afterFailure({ failures, batchSize }: Circuit): Circuit {
  return { failures: failures + 1, batchSize: Math.max(1, Math.floor(batchSize / 4)) };
}

export function afterSuccess({ batchSize }: Circuit): Circuit {
  return { failures: 0, batchSize: Math.min(maxBatch, batchSize * 4) };
}

/** How long Salesforce is left alone: as long as it asks for, and at least as long as the failures suggest. */
export function pauseMs({ failures }: Circuit, error: SalesforceError, random: number): number {
  return Math.max(error.retryAfterMs ?? 0, backoffMs(error.failure, Math.max(1, failures), random));
}
