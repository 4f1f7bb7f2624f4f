import { setTimeout as pause } from 'node:timers/promises';

/** When the next step runs: at once, when there may be work (after `waitMs` at the latest), or after a pause. */
export type NextStep = 'again' | 'wait' | { readonly waitMs: number } | { readonly pauseMs: number };

export type LoopOptions = {
  /** Does one unit of work. It should end soon after the signal aborts. */
  readonly step: (signal: AbortSignal) => Promise<NextStep | undefined>;
  /** Resolves when there may be work, after `ms` at the latest; by default, only the interval applies. */
  readonly wakeOn?: (ms: number) => Promise<unknown>;
  /** Milliseconds until the next step if nothing wakes the loop. */
  readonly pollMs: number;
  /** Whether the first step waits too. */
  readonly waitsFirst?: boolean;
  /** Milliseconds until the next step after a number of consecutive failures; `pollMs` by default. */
  readonly backoff?: (failures: number, error: unknown) => number;
  /** Called with each failure; if it throws, the loop ends with that error. */
  readonly onFailure: (error: unknown, failures: number) => Promise<void> | void;
  readonly signal: AbortSignal;
};

/**
 * Repeats a step until the signal aborts: at once, when woken, at an interval, or after a backoff. A failure after the
 * abort is not reported.
 *
 * @throws what `onFailure` throws
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { step, wakeOn, pollMs, waitsFirst = false, backoff, onFailure, signal } = options;
  const wait = (): Promise<unknown> => wakeOn?.(pollMs) ?? sleep(pollMs, signal);
  if (waitsFirst) await untilAborted(signal, wait());
  for (let failures = 0; !signal.aborted; ) {
    // Listen before the step, so that a wake-up during the step is not missed.
    const woken = wakeOn?.(pollMs);
    try {
      const next = (await step(signal)) ?? 'wait';
      failures = 0;
      if (next === 'again') continue;
      if (next === 'wait') await untilAborted(signal, woken ?? wait());
      else if ('pauseMs' in next) await sleep(next.pauseMs, signal);
      else await sleep(next.waitMs, signal, woken ?? wait());
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      await onFailure(error, failures);
      await sleep(backoff?.(failures, error) ?? pollMs, signal);
    }
  }
}

/** Waits for `ms` milliseconds, or until the signal aborts or `work` settles. @throws what `work` throws */
export function sleep(ms: number, signal: AbortSignal, work?: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    work?.then(end, (error: unknown) => {
      reject(error);
      end();
    });
  });
}

/** Waits until the signal aborts or `work` settles. @throws what `work` throws */
export async function untilAborted(signal: AbortSignal, work?: Promise<unknown>): Promise<void> {
  if (signal.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort);
  try {
    await (work === undefined ? aborted : Promise.race([work, aborted]));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits until `work` settles, for `ms` milliseconds at most. The work itself is not cancelled. */
export async function withTimeout(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, pause(ms, undefined, { ref: false })]);
}
