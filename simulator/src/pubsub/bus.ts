import {
  type AddressedEvent,
  type Batch,
  type BusEntry,
  type BusEvent,
  counterOf,
  type NumberedEvent,
  ordinalBefore,
  type ReadLimit,
  readBatch,
  type Topic,
  toReplayId,
} from './bus-events.ts';
import { createEventDelay } from './event-delay.ts';
import { createEventLog } from './event-log.ts';

/** The event bus of the org: topics, schemas, and 72 hours of events under opaque replay ids. */
export function createBus(options: BusOptions) {
  const { now } = options;
  const log = createEventLog<BusEntry>({ now, retentionMs: options.retentionMs ?? RETENTION_MS });
  const schemas = new Map<string, string>();
  const topics = new Map<string, Topic>();
  const listeners = new Set<() => void>();
  const delay = createEventDelay(options.delayMs ?? (() => 0), show);
  let counter = FIRST_COUNTER;

  function nextReplayId(): Buffer {
    counter += counter % 7n === 0n ? 4n : 1n;
    return toReplayId(counter);
  }

  function numberAll(events: readonly AddressedEvent[]): NumberedEvent[] {
    let last: Buffer | undefined;
    return events.map(({ joined, ...event }) => {
      const replayId: Buffer = joined === true && last !== undefined ? last : nextReplayId();
      last = replayId;
      return { replayId, at: now(), ...event };
    });
  }

  function append(entries: readonly NumberedEvent[]): void {
    for (const { replayId } of entries) {
      const at = counterOf(replayId);
      if (at === undefined) throw new RangeError('a replay id must have ten bytes');
      if (at > counter) counter = at;
    }
    delay.pass(entries);
  }

  function show(entries: readonly NumberedEvent[]): void {
    for (const entry of entries) log.append({ ...entry, counter: counterOf(entry.replayId) ?? 0n });
    for (const listener of listeners) listener();
  }

  function store(entries: readonly NumberedEvent[]): void {
    options.record?.({ op: 'commit', events: entries });
    append(entries);
  }

  function advance(): void {
    store([{ replayId: nextReplayId(), at: now(), topic: null, event: null }]);
  }

  return {
    topic: (name: string): Topic | undefined => topics.get(name),
    addTopic(topic: Topic): void {
      topics.set(topic.name, topic);
    },
    schema: (id: string): string | undefined => schemas.get(id),
    /** Registers a writer schema permanently. */
    registerSchema(id: string, json: string): void {
      if (schemas.get(id) === json) return;
      options.record?.({ op: 'schema', id, json });
      schemas.set(id, json);
    },
    /** Assigns replay ids without publishing. */
    number: numberAll,
    append,
    /** Publishes delayed events immediately. */
    release: delay.release,
    /**
     * Publishes an event byte for byte, by default with the next replay id. Another replay id must have ten bytes
     * and be equal to or after the newest.
     */
    publishRaw(topic: string, { replayId = nextReplayId(), ...event }: RawEvent): Buffer {
      if (!topics.has(topic)) throw new Error(`there is no topic ${topic}`);
      store([{ replayId: Buffer.from(replayId), at: now(), topic, event }]);
      return Buffer.from(replayId);
    },
    /** Advances the newest replay id without an event, as traffic of other orgs does. */
    advance,
    latestReplayId(): Buffer {
      const last = log.last();
      if (last === undefined || last.at < now() - IDLE_ADVANCE_MS) advance();
      return toReplayId(log.lastCounter());
    },
    earliest: (): number => log.earliest(),
    latest: (): number => log.latest(),
    /** The position after a replay id; undefined if it is expired or unknown. */
    after(replayId: Uint8Array): number | undefined {
      const position = counterOf(replayId);
      return position === undefined ? undefined : log.after(position);
    },
    /** The position `count` events of a topic earlier, or the earliest position. */
    before: (topic: string, position: number, count: number): number =>
      count === 0 ? position : ordinalBefore(topics.get(topic), log.from(log.earliest()), position, count),
    /** Removes every retained event, as after the retention: their replay ids are unknown. */
    expire(): void {
      options.record?.({ op: 'expire' });
      log.clear();
    },
    read: (topic: string, from: number, limit: ReadLimit): Batch =>
      readBatch(topics.get(topic), log.from(from), from, limit),
    retained: (): readonly NumberedEvent[] => log.all(),
    /** Calls back after every append. Returns a function that unsubscribes. */
    onAppend(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const RETENTION_MS = 72 * 60 * 60 * 1000;
/** After this time without an event the newest replay id advances, as on a bus shared between orgs. */
const IDLE_ADVANCE_MS = 60 * 60 * 1000;
const FIRST_COUNTER = 1_000_000n;

type BusOptions = {
  readonly now: () => number;
  /** 72 hours by default. */
  readonly retentionMs?: number;
  /** Called before a change is visible, to make it durable. */
  readonly record?: (change: BusChange) => void;
  /** Called for every append: milliseconds before it is visible. */
  readonly delayMs?: () => number;
};

type BusChange =
  | { readonly op: 'commit'; readonly events: readonly NumberedEvent[] }
  | { readonly op: 'expire' }
  | { readonly op: 'schema'; readonly id: string; readonly json: string };

/** Positions are ordinals: a reader at `n` has read all entries before number `n`. */
export type Bus = ReturnType<typeof createBus>;

type RawEvent = BusEvent & { readonly replayId?: Uint8Array };
