import { createEventLog } from './event-log.ts';
import { counterOf, toReplayId } from './replay-id.ts';

/** The event bus of the org: topics, schemas, and 72 hours of events under opaque replay ids. */
export function createBus(options: BusOptions): Bus {
  const { now } = options;
  const log = createEventLog<BusEntry>({ now, retentionMs: options.retentionMs ?? RETENTION_MS });
  const schemas = new Map<string, string>();
  const topics = new Map<string, Topic>();
  const listeners = new Set<() => void>();
  let counter = FIRST_COUNTER;

  function nextReplayId(): Buffer {
    counter += counter % 7n === 0n ? 4n : 1n;
    return toReplayId(counter);
  }

  function append(entries: readonly NumberedEvent[]): void {
    for (const entry of entries) {
      const at = counterOf(entry.replayId);
      if (at === undefined) throw new RangeError('A replay id has ten bytes');
      log.append({ ...entry, counter: at });
      if (at > counter) counter = at;
    }
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
    number: (topic, events) => events.map((event) => ({ replayId: nextReplayId(), at: now(), topic, event })),
    append,
    publishRaw(topic, { replayId = nextReplayId(), ...event }) {
      if (!topics.has(topic)) throw new Error(`There is no topic ${topic}`);
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
    before: (topic, position, count) =>
      count === 0 ? position : ordinalBefore(topics.get(topic), log.from(log.earliest()), position, count),
    expire() {
      options.record?.({ op: 'expire' });
      log.clear();
    },
    read: (topic, from, limit) => read(topics.get(topic), log.from(from), from, limit),
    retained: () => log.all(),
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return bus;
}

function read(
  topic: Topic | undefined,
  entries: Iterable<readonly [number, BusEntry]>,
  from: number,
  limit: ReadLimit,
): Batch {
  const events: DeliveredEvent[] = [];
  let next = from;
  let bytes = 0;
  for (const [ordinal, entry] of entries) {
    if (entry.topic !== null && topic?.carries.has(entry.topic)) {
      bytes += entry.event.payload.length + EVENT_OVERHEAD_BYTES;
      if (events.length === limit.events || (events.length > 0 && bytes > limit.bytes)) break;
      events.push({ replayId: entry.replayId, ...entry.event });
    }
    next = ordinal + 1;
  }
  return { events, next };
}

/** Where the last `count` events of a topic before a position begin. */
function ordinalBefore(
  topic: Topic | undefined,
  entries: Iterable<readonly [number, BusEntry]>,
  position: number,
  count: number,
): number {
  const ordinals: number[] = [];
  for (const [ordinal, { topic: name }] of entries) {
    if (ordinal >= position) break;
    if (name !== null && topic?.carries.has(name)) ordinals.push(ordinal);
  }
  return ordinals.at(-Math.min(count, ordinals.length)) ?? position;
}

const RETENTION_MS = 72 * 60 * 60 * 1000;
/** After this long without an event the newest replay id moves on by itself, as on a bus shared between orgs. */
const IDLE_ADVANCE_MS = 60 * 60 * 1000;
const FIRST_COUNTER = 1_000_000n;
/** What one event adds to a response beside its payload: ids and framing. */
const EVENT_OVERHEAD_BYTES = 100;

export type BusOptions = {
  readonly now: () => number;
  /** 72 hours unless told. */
  readonly retentionMs?: number;
  /** Called before anything is visible on the bus, to make it durable. */
  readonly record?: (change: BusChange) => void;
};

export type BusChange =
  | { readonly op: 'commit'; readonly events: readonly NumberedEvent[] }
  | { readonly op: 'expire' }
  | { readonly op: 'schema'; readonly id: string; readonly json: string };

export type Topic = {
  readonly name: string;
  /** The topics whose events come through this one, itself included. */
  readonly carries: ReadonlySet<string>;
  /** Blank on channels that may carry several entities. */
  readonly schemaId: () => string;
};

export type BusEvent = { readonly id: string; readonly schemaId: string; readonly payload: Uint8Array };
export type DeliveredEvent = BusEvent & { readonly replayId: Uint8Array };

/** An event with its place on the bus; without an event it only moves the newest replay id on. */
export type NumberedEvent = { readonly replayId: Buffer; readonly at: number } & (
  | { readonly topic: string; readonly event: BusEvent }
  | { readonly topic: null; readonly event: null }
);
type BusEntry = NumberedEvent & { readonly counter: bigint };

export type ReadLimit = { readonly events: number; readonly bytes: number };
export type Batch = { readonly events: readonly DeliveredEvent[]; readonly next: number };

/** Positions are ordinals: a reader at `n` has seen everything before the entry number `n`. */
export type Bus = {
  topic(name: string): Topic | undefined;
  addTopic(topic: Topic): void;
  schema(id: string): string | undefined;
  /** Makes a writer schema readable under its id, for ever. */
  registerSchema(id: string, json: string): void;
  /** Gives events their replay ids without showing them yet. */
  number(topic: string, events: readonly BusEvent[]): readonly NumberedEvent[];
  append(events: readonly NumberedEvent[]): void;
  /**
   * Puts an event on the bus byte for byte. Without a replay id it gets the next one; a given one has ten
   * bytes and lies at or after the newest, so several events may share one.
   */
  publishRaw(topic: string, event: BusEvent & { readonly replayId?: Uint8Array }): Buffer;
  /** Moves the newest replay id on without an event, as traffic of other orgs does. */
  advance(): void;
  latestReplayId(): Buffer;
  earliest(): number;
  latest(): number;
  /** The position strictly after a replay id; undefined when it expired or is unknown. */
  after(replayId: Uint8Array): number | undefined;
  /** The position so many events of a topic before another one, or the earliest there is. */
  before(topic: string, position: number, count: number): number;
  /** Drops every event that is retained, as if the retention were over: older replay ids are unknown. */
  expire(): void;
  read(topic: string, from: number, limit: ReadLimit): Batch;
  retained(): readonly NumberedEvent[];
  /** Calls back after every append; answers how to stop that. */
  onAppend(listener: () => void): () => void;
};
