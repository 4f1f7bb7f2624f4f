import type pg from 'pg';
import type { WakeUps } from '../../db/wake-up.ts';
import { untilAborted } from '../../run-loop.ts';
import { isAtRest, isFinished, type ResyncJson, readResync } from '../views/resync.ts';
import type { StreamMessage } from './event-stream.ts';

const pollIntervalMs = 500;

type ResyncSource = {
  readonly pool: pg.Pool;
  readonly wakeUps: Pick<WakeUps, 'next'>;
  readonly id: string;
};

/** Sends `progress` with the current state and after each change, and `end` when the resync is final. */
export async function* streamResync(
  source: ResyncSource,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  let lastText = '';
  for await (const resync of states(source, pollIntervalMs, signal)) {
    const text = JSON.stringify(resync);
    if (text !== lastText) yield { event: 'progress', data: resync };
    lastText = text;
    if (isFinished(resync)) yield { event: 'end', data: resync };
  }
}

/** Waits until the resync is final, needs confirmation, or the signal is aborted, and returns its state. */
export async function waitForResync(
  source: ResyncSource,
  signal: AbortSignal,
): Promise<ResyncJson | undefined> {
  let last: ResyncJson | undefined;
  for await (const resync of states(source, 100, signal)) {
    last = resync;
    if (isAtRest(resync)) break;
  }
  return last;
}

/** Reads the resync whenever it may have changed, until it is final. */
async function* states({ pool, wakeUps, id }: ResyncSource, ms: number, signal: AbortSignal) {
  while (!signal.aborted) {
    // Listen before the read, so that no change in between is missed.
    const woken = wakeUps.next('resync', ms);
    const resync = await readResync(pool, id);
    yield resync;
    if (isFinished(resync)) return;
    await untilAborted(signal, woken);
  }
}
