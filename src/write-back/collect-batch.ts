import { setTimeout as pause } from 'node:timers/promises';

// A steady stream of new accounts can't hold back the first of them for longer than so many pauses.
const maxPauses = 10;

/** What there is to send, and whether events that are not applied yet may bring more. */
export type CollectedBatch = { readonly count: number; readonly more: boolean };

/**
 * Waits while more comes: until there is enough for a whole batch, or nothing was added for one pause.
 * @returns how much there is
 */
export async function collectBatch(
  look: () => Promise<CollectedBatch>,
  options: { readonly most: number; readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<number> {
  let { count } = await look();
  for (let pauses = 0; count > 0 && count < options.most && pauses < maxPauses; pauses++) {
    await pause(options.pauseMs, undefined, { signal: options.signal });
    const now = await look();
    if (now.count === count && !now.more) break;
    count = now.count;
  }
  return count;
}
