import { setTimeout as pause } from 'node:timers/promises';

/** Waits for the end of something, `ms` at most; what goes on then is left behind. */
export async function withTimeout(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, pause(ms, undefined, { ref: false })]);
}
