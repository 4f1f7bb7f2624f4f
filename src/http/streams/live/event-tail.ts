import type { HttpDependencies } from '../../dependencies.ts';
import { type AppliedPage, type LiveEvent, type LogEnds, readApplied, readLogEnds } from './read-applied.ts';

/**
 * The end of the event log, read once for all readers of the live stream. While there are readers, one loop follows
 * the log and keeps what came last; whoever is further back reads pages of its own until it has caught up.
 * Readers pull: one that is slow costs nothing but its place.
 */
export type EventTail = {
  /** Where the log begins and ends at this moment, or a moment ago. */
  ends(): Promise<LogEnds>;
  /** The loop runs until all who entered have left. */
  enter(): void;
  leave(): void;
  /** The events behind a position: of those that are kept, or a page of the log. */
  after(log: string, position: bigint): readonly LiveEvent[] | Promise<readonly LiveEvent[]>;
  /** Grows whenever there are new ones. */
  news(): number;
  /** Resolves when `news` is no longer what was seen before looking, or the signal says to stop. */
  next(seen: number, signal: AbortSignal): Promise<void>;
};

export type TailSource = Pick<HttpDependencies, 'pool' | 'decodeEvents' | 'wakeUps'> & {
  /** Hears why the log could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
};

const pollIntervalMs = 1_000;
const kept = { events: 1_000, characters: 8 * 1024 ** 2 };
/** Pages that are read at once for those who are further back. */
const maxReads = 3;

export function openEventTail(source: TailSource): EventTail {
  const recent = keepRecent();
  const waiting = new Set<() => void>();
  const catchUp = limitReads(maxReads);
  let readers = 0;
  let following: AbortController | undefined;
  let asked: Promise<LogEnds> | undefined;

  let news = 0;
  const wakeReaders = (): void => {
    news++;
    for (const wake of [...waiting]) wake();
  };
  const tail: EventTail = {
    ends() {
      asked ??= readLogEnds(source.pool).finally(() => {
        asked = undefined;
      });
      // Where the newest ones have been cleared away, what was seen of them counts.
      return asked.then((ends) => ({ ...ends, newest: later(ends.newest, recent.position()) }));
    },
    enter() {
      if (readers++ > 0) return;
      following = new AbortController();
      void follow(source, tail, recent, wakeReaders, following.signal);
    },
    leave() {
      if (--readers === 0) following?.abort();
    },
    after(log, position) {
      return recent.after(position) ?? catchUp(async () => (await readApplied(source, log, position)).events);
    },
    news: () => news,
    next(seen, signal) {
      if (signal.aborted || seen !== news) return Promise.resolve();
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

/** Reads on at each wake-up, and once a second without one; whatever breaks is tried again. */
async function follow(
  source: TailSource,
  tail: EventTail,
  recent: Recent,
  onNews: () => void,
  signal: AbortSignal,
): Promise<void> {
  let log: string | undefined;
  while (!signal.aborted) {
    // Listen before looking: what is applied in between is not missed.
    const woken = source.wakeUps.next('applied', pollIntervalMs);
    try {
      if (log === undefined) {
        const ends = await tail.ends();
        log = ends.log;
        // Those who come back after a restart find what they missed among what is kept.
        recent.begin(ends.newest > 500n ? ends.newest - 500n : 0n);
      }
      let page: AppliedPage;
      do {
        page = await readApplied(source, log, recent.position());
        if (signal.aborted) return;
        recent.add(page.events);
        if (page.events.length > 0) onNews();
      } while (page.more);
    } catch (error) {
      if (!signal.aborted) source.onError(error);
    }
    await woken;
  }
}

type Recent = {
  begin(position: bigint): void;
  position(): bigint;
  add(events: readonly LiveEvent[]): void;
  /** Undefined where what lies behind the position is not all kept. */
  after(position: bigint): readonly LiveEvent[] | undefined;
};

function keepRecent(): Recent {
  let events: LiveEvent[] = [];
  let characters = 0;
  // All events behind `from` and up to `to` are kept; none yet where they are undefined.
  let from: bigint | undefined;
  let to = 0n;
  const drop = (count: number): void => {
    for (const { position, text } of events.splice(0, count)) {
      from = position;
      characters -= text.length;
    }
  };
  return {
    begin(position) {
      [events, characters, from, to] = [[], 0, position, position];
    },
    position: () => to,
    add(more) {
      for (const event of more) characters += event.text.length;
      events.push(...more);
      to = more.at(-1)?.position ?? to;
      // In large steps: to drop one costs as much as to drop many.
      if (events.length > kept.events) drop(events.length - kept.events / 2);
      while (characters > kept.characters && events.length > 0) drop(Math.ceil(events.length / 2));
    },
    after(position) {
      if (from === undefined || position < from) return undefined;
      return events.slice(firstBehind(events, position));
    },
  };
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function firstBehind(events: readonly LiveEvent[], position: bigint): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.position ?? 0n) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Runs so many of the given works at once; the others wait for their turn. */
function limitReads(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running === most) await new Promise<void>((resolve) => queue.push(resolve));
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
