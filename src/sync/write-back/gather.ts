import { setTimeout as pause } from 'node:timers/promises';

// A steady stream of new accounts can't hold back the first of them for longer than so many pauses.
const mostPauses = 10;

/**
 * Waits while more comes: until there is enough for a whole batch, or nothing was added for one pause.
 * @returns how much there is
 */
export async function gather(
  count: () => Promise<number>,
  options: { readonly most: number; readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<number> {
  let before = await count();
  for (let pauses = 0; before > 0 && before < options.most && pauses < mostPauses; pauses++) {
    await pause(options.pauseMs, undefined, { signal: options.signal });
    const now = await count();
    if (now === before) return now;
    before = now;
  }
  return before;
}
