import { setTimeout as pause } from 'node:timers/promises';

// Limits how long a steady stream of new accounts can delay the first of them.
const maxPauses = 10;

/** Codes that are due. `more`: stored events that are not applied yet may add some. */
export type DueCount = { readonly count: number; readonly more: boolean };

/**
 * Waits until a full batch is due, or until no code was added during one pause.
 * @param pauseMs milliseconds between two counts
 * @returns the number of due codes
 */
export async function collectBatch(
  countDue: () => Promise<DueCount>,
  options: { readonly maxBatchSize: number; readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<number> {
  let { count } = await countDue();
  for (let pauses = 0; count > 0 && count < options.maxBatchSize && pauses < maxPauses; pauses++) {
    await pause(options.pauseMs, undefined, { signal: options.signal });
    const now = await countDue();
    if (now.count === count && !now.more) break;
    count = now.count;
  }
  return count;
}
