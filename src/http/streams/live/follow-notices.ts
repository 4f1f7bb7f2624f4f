import { sleep } from '../../../run-loop.ts';
import type { StreamMessage } from '../event-stream.ts';
import type { EventTail, TailSource } from './event-tail.ts';
import type { LogEnds } from './read-applied.ts';
import { encodeStreamId, type StreamPosition } from './stream-id.ts';

/** The minimum time between two notices. */
const intervalMs = 1_000;
const pollIntervalMs = 5_000;

/**
 * Generates a `notice` after new events, at most one per interval, until the signal is aborted. No event is read: under
 * load a reader of notices costs one small query per interval.
 */
export async function* followNotices(
  { wakeUps, onError }: Pick<TailSource, 'wakeUps' | 'onError'>,
  tail: Pick<EventTail, 'readEnds'>,
  { ends, last }: { readonly ends: LogEnds; readonly last: StreamPosition | null },
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  let seen = last === null ? newestId(ends) : encodeStreamId(last);
  yield notice('ready', seen);
  while (!signal.aborted) {
    // Listen before the read, so that no event in between is missed.
    const woken = wakeUps.next('applied', pollIntervalMs);
    const newest = await tail.readEnds().then(newestId).catch(onError);
    if (newest && newest !== seen) {
      seen = newest;
      yield notice('notice', seen);
      await sleep(intervalMs, signal);
    } else {
      await sleep(pollIntervalMs, signal, woken);
    }
  }
}

function newestId({ log, newest }: LogEnds): string {
  return encodeStreamId({ log, position: newest });
}

function notice(event: 'ready' | 'notice', id: string): StreamMessage {
  return { id, event, data: { lastEventId: id } };
}
