import { setTimeout as pause } from 'node:timers/promises';

/** Waits until `work` settles, for `ms` milliseconds at most. The work itself is not cancelled. */
export async function withTimeout(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, pause(ms, undefined, { ref: false })]);
}
