import { runLoop } from '../../../run-loop.ts';
import type { HttpDependencies } from '../../server-types.ts';
import { type LiveEvent, type LogEnds, readApplied, readLogEnds } from './read-applied.ts';

/**
 * Reads the end of the event log once for all readers of the live stream. While there are readers, one loop follows the
 * log and buffers the newest events; a reader that is further behind reads its own pages until it has caught up.
 * Readers pull, so a slow reader needs no memory.
 */
export type EventTail = {
  /** The first and last position of the log. */
  readEnds(): Promise<LogEnds>;
  /** Adds a reader. The loop runs until all readers have left. */
  enter(): void;
  leave(): void;
  /** The events after a position, from the buffer or from a page of the log. */
  readAfter(log: string, position: bigint): readonly LiveEvent[] | Promise<readonly LiveEvent[]>;
  /** A counter that increases with new events. */
  version(): number;
  /** Resolves when the counter differs from `seen` or the signal is aborted. */
  waitForNews(seen: number, signal: AbortSignal): Promise<void>;
};

export type TailSource = Pick<HttpDependencies, 'pool' | 'decodeEvents' | 'wakeUps'> & {
  /** Called when a read of the log fails; it is retried. */
  readonly onError: (error: unknown) => void;
};

const pollIntervalMs = 1_000;
const maxBuffered = { events: 1_000, characters: 8 * 1024 ** 2 };
/** Concurrent reads of pages for readers that are behind. */
const maxReads = 3;

export function openEventTail(source: TailSource): EventTail {
  const buffer = createEventBuffer();
  const waiting = new Set<() => void>();
  const catchUp = createReadLimiter(maxReads);
  let readers = 0;
  let following: AbortController | undefined;
  let pendingEnds: Promise<LogEnds> | undefined;
  let version = 0;
  const wakeReaders = (): void => {
    version++;
    for (const wake of [...waiting]) wake();
  };
  const tail: EventTail = {
    readEnds() {
      pendingEnds ??= readLogEnds(source.pool).finally(() => {
        pendingEnds = undefined;
      });
      // The newest events may have been deleted from the log; the buffer knows their position.
      return pendingEnds.then((ends) => ({ ...ends, newest: max(ends.newest, buffer.position()) }));
    },
    enter() {
      if (readers++ > 0) return;
      following = new AbortController();
      void follow(source, tail, buffer, wakeReaders, following.signal);
    },
    leave() {
      if (--readers === 0) following?.abort();
    },
    readAfter(log, position) {
      return buffer.after(position) ?? catchUp(async () => (await readApplied(source, log, position)).events);
    },
    version: () => version,
    waitForNews(seen, signal) {
      if (signal.aborted || seen !== version) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
  };
  return tail;
}

/** Reads new events at each wake-up, and once a second without one; errors are retried. */
async function follow(
  source: TailSource,
  tail: EventTail,
  buffer: EventBuffer,
  onNews: () => void,
  signal: AbortSignal,
): Promise<void> {
  let log: string | undefined;
  await runLoop({
    step: async () => {
      if (log === undefined) {
        const ends = await tail.readEnds();
        log = ends.log;
        // Readers that reconnect after a restart find the events they missed in the buffer.
        buffer.reset(ends.newest > 500n ? ends.newest - 500n : 0n);
      }
      const page = await readApplied(source, log, buffer.position());
      if (signal.aborted) return 'wait';
      buffer.add(page.events);
      if (page.events.length > 0) onNews();
      return page.more ? 'again' : 'wait';
    },
    wakeOn: (ms) => source.wakeUps.next('applied', ms),
    pollMs: pollIntervalMs,
    onFailure: (error) => source.onError(error),
    signal,
  });
}

type EventBuffer = {
  reset(position: bigint): void;
  position(): bigint;
  add(events: readonly LiveEvent[]): void;
  /** Undefined if the buffer does not contain all events after the position. */
  after(position: bigint): readonly LiveEvent[] | undefined;
};

function createEventBuffer(): EventBuffer {
  let events: LiveEvent[] = [];
  let characters = 0;
  // The buffer contains all events after `from` and up to `to`; it is empty if `from` is undefined.
  let from: bigint | undefined;
  let to = 0n;
  const drop = (count: number): void => {
    for (const { position, text } of events.splice(0, count)) {
      from = position;
      characters -= text.length;
    }
  };
  return {
    reset(position) {
      [events, characters, from, to] = [[], 0, position, position];
    },
    position: () => to,
    add(more) {
      for (const event of more) characters += event.text.length;
      events.push(...more);
      to = more.at(-1)?.position ?? to;
      // Drops half of the buffer: dropping a single event costs as much.
      if (events.length > maxBuffered.events) drop(events.length - maxBuffered.events / 2);
      while (characters > maxBuffered.characters && events.length > 0) drop(Math.ceil(events.length / 2));
    },
    after(position) {
      if (from === undefined || position < from) return undefined;
      return events.slice(firstIndexAfter(events, position));
    },
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function firstIndexAfter(events: readonly LiveEvent[], position: bigint): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.position ?? 0n) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Limits the number of concurrent reads; others wait in a queue. */
function createReadLimiter(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running === max) await new Promise<void>((resolve) => queue.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
