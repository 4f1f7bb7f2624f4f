import type {
  AddressedEvent,
  Batch,
  BusEntry,
  BusEvent,
  NumberedEvent,
  ReadLimit,
  Topic,
} from './bus-types.ts';
import { createEventDelay } from './event-delay.ts';
import { createEventLog } from './event-log.ts';
import { counterOf, toReplayId } from './replay-id.ts';
import { ordinalBefore, readBatch } from './topic-events.ts';

/** The event bus of the org: topics, schemas, and 72 hours of events under opaque replay ids. */
export function createBus(options: BusOptions): Bus {
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

  const bus: Bus = {
    topic: (name) => topics.get(name),
    addTopic(topic) {
      topics.set(topic.name, topic);
    },
    schema: (id) => schemas.get(id),
    registerSchema(id, json) {
      if (schemas.get(id) === json) return;
      options.record?.({ op: 'schema', id, json });
      schemas.set(id, json);
    },
    number: numberAll,
    append,
    publishRaw(topic, { replayId = nextReplayId(), ...event }) {
      if (!topics.has(topic)) throw new Error(`there is no topic ${topic}`);
      store([{ replayId: Buffer.from(replayId), at: now(), topic, event }]);
      return Buffer.from(replayId);
    },
    advance,
    latestReplayId() {
      const last = log.last();
      if (last === undefined || last.at < now() - IDLE_ADVANCE_MS) advance();
      return toReplayId(log.lastCounter());
    },
    earliest: () => log.earliest(),
    latest: () => log.latest(),
    after(replayId) {
      const position = counterOf(replayId);
      return position === undefined ? undefined : log.after(position);
    },
    release: delay.release,
    before: (topic, position, count) =>
      count === 0 ? position : ordinalBefore(topics.get(topic), log.from(log.earliest()), position, count),
    expire() {
      options.record?.({ op: 'expire' });
      log.clear();
    },
    read: (topic, from, limit) => readBatch(topics.get(topic), log.from(from), from, limit),
    retained: () => log.all(),
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return bus;
}

const RETENTION_MS = 72 * 60 * 60 * 1000;
/** After this time without an event the newest replay id advances, as on a bus shared between orgs. */
const IDLE_ADVANCE_MS = 60 * 60 * 1000;
const FIRST_COUNTER = 1_000_000n;

export type BusOptions = {
  readonly now: () => number;
  /** 72 hours by default. */
  readonly retentionMs?: number;
  /** Called before a change is visible, to make it durable. */
  readonly record?: (change: BusChange) => void;
  /** Called for every append: milliseconds before it is visible. */
  readonly delayMs?: () => number;
};

export type BusChange =
  | { readonly op: 'commit'; readonly events: readonly NumberedEvent[] }
  | { readonly op: 'expire' }
  | { readonly op: 'schema'; readonly id: string; readonly json: string };

/** Positions are ordinals: a reader at `n` has read all entries before number `n`. */
export type Bus = {
  topic(name: string): Topic | undefined;
  addTopic(topic: Topic): void;
  schema(id: string): string | undefined;
  /** Registers a writer schema permanently. */
  registerSchema(id: string, json: string): void;
  /** Assigns replay ids without publishing. */
  number(events: readonly AddressedEvent[]): readonly NumberedEvent[];
  append(events: readonly NumberedEvent[]): void;
  /** Publishes delayed events immediately. */
  release(): void;
  /**
   * Publishes an event byte for byte, by default with the next replay id. Another replay id must have ten bytes
   * and be equal to or after the newest.
   */
  publishRaw(topic: string, event: BusEvent & { readonly replayId?: Uint8Array }): Buffer;
  /** Advances the newest replay id without an event, as traffic of other orgs does. */
  advance(): void;
  latestReplayId(): Buffer;
  earliest(): number;
  latest(): number;
  /** The position after a replay id; undefined if it is expired or unknown. */
  after(replayId: Uint8Array): number | undefined;
  /** The position `count` events of a topic earlier, or the earliest position. */
  before(topic: string, position: number, count: number): number;
  /** Removes every retained event, as after the retention: their replay ids are unknown. */
  expire(): void;
  read(topic: string, from: number, limit: ReadLimit): Batch;
  retained(): readonly NumberedEvent[];
  /** Calls back after every append; answers how to stop that. */
  onAppend(listener: () => void): () => void;
};
