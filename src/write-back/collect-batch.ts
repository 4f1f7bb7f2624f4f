import { setTimeout as pause } from 'node:timers/promises';

// Limits how long a steady stream of new accounts can delay the first of them.
const maxPauses = 10;

/** Codes that are due. `more`: stored events that are not applied yet may add some. */
export type DueCount = { readonly count: number; readonly more: boolean };

/**
 * Waits until a full batch is due, or until no code was added during one pause.
 * @param pauseMs milliseconds between two reads
 * @returns the last read
 */
export async function collectBatch<Due extends DueCount>(
  readDue: () => Promise<Due>,
  options: { readonly maxBatchSize: number; readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<Due> {
  let due = await readDue();
  for (let pauses = 0; due.count > 0 && due.count < options.maxBatchSize && pauses < maxPauses; pauses++) {
    await pause(options.pauseMs, undefined, { signal: options.signal });
    const { count } = due;
    due = await readDue();
    if (due.count === count && !due.more) break;
  }
  return due;
}
