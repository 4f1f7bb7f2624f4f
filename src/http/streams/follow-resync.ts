import type pg from 'pg';
import type { WakeUps } from '../../db/wake-up.ts';
import { readResync } from '../views/read-resync.ts';
import { isAtRest, isFinished, type ResyncJson } from '../views/resync.ts';
import type { StreamMessage } from './event-stream.ts';

const pollIntervalMs = 500;

type Followed = {
  readonly pool: pg.Pool;
  readonly wakeUps: Pick<WakeUps, 'next'>;
  readonly id: string;
};

/** `progress` whenever the resync has changed, at first as it is; `end` when nothing of it will change any more. */
export async function* streamResync(followed: Followed, signal: AbortSignal): AsyncGenerator<StreamMessage> {
  let told = '';
  for await (const resync of states(followed, pollIntervalMs, signal)) {
    const text = JSON.stringify(resync);
    if (text !== told) yield { event: 'progress', data: resync };
    told = text;
    if (isFinished(resync)) yield { event: 'end', data: resync };
  }
}

/**
 * The resync when it has ended or needs confirmation, or as it is when the signal says that it was waited for long
 * enough.
 */
export async function waitForEnd(followed: Followed, signal: AbortSignal): Promise<ResyncJson | undefined> {
  let last: ResyncJson | undefined;
  for await (const resync of states(followed, 100, signal)) {
    last = resync;
    if (isAtRest(resync)) break;
  }
  return last;
}

/** The resync each time there may be something new of it, until it has ended. */
async function* states({ pool, wakeUps, id }: Followed, ms: number, signal: AbortSignal) {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  while (!signal.aborted) {
    // Listen before looking: what changes in between is not missed.
    const woken = wakeUps.next('resync', ms);
    const resync = await readResync(pool, id);
    yield resync;
    if (isFinished(resync)) return;
    await Promise.race([woken, stopped]);
  }
}
