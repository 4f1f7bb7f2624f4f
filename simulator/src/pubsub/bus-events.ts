/** The next events of a topic within the limit, but at least one if there is one. */
export function readBatch(
  topic: Topic | undefined,
  entries: Iterable<readonly [ordinal: number, entry: BusEntry]>,
  from: number,
  limit: ReadLimit,
): Batch {
  const events: DeliveredEvent[] = [];
  let next = from;
  let bytes = 0;
  for (const [ordinal, entry] of entries) {
    if (entry.topic !== null && carries(topic, entry)) {
      bytes += entry.event.payload.length + EVENT_OVERHEAD_BYTES;
      if (events.length === limit.events || (events.length > 0 && bytes > limit.bytes)) break;
      events.push({ replayId: entry.replayId, ...entry.event });
    }
    next = ordinal + 1;
  }
  return { events, next };
}

/** The position of the last `count` events of a topic before a position. */
export function ordinalBefore(
  topic: Topic | undefined,
  entries: Iterable<readonly [ordinal: number, entry: BusEntry]>,
  position: number,
  count: number,
): number {
  const ordinals: number[] = [];
  for (const [ordinal, entry] of entries) {
    if (ordinal >= position) break;
    if (carries(topic, entry)) ordinals.push(ordinal);
  }
  return ordinals.at(-Math.min(count, ordinals.length)) ?? position;
}

function carries(topic: Topic | undefined, { except, topic: name }: BusEntry): boolean {
  return topic !== undefined && name !== null && topic.carries.has(name) && !except?.includes(topic.name);
}

/** Size of the ids and the framing of one event. */
const EVENT_OVERHEAD_BYTES = 100;

/** Ten opaque bytes, as in Salesforce: a big-endian counter of eight bytes, and two zero bytes. */
export function toReplayId(counter: bigint): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(counter);
  return bytes;
}

/** The counter of a replay id. Eight bytes are accepted because a common client sends only those. */
export function counterOf(replayId: Uint8Array): bigint | undefined {
  if (replayId.length !== 10 && replayId.length !== 8) return undefined;
  const bytes = Buffer.from(replayId);
  if (bytes.subarray(8).some((byte) => byte !== 0)) return undefined;
  return bytes.readBigUInt64BE();
}

export type Batch = { readonly events: readonly DeliveredEvent[]; readonly next: number };

export type BusEntry = NumberedEvent & { readonly counter: bigint };

export type DeliveredEvent = BusEvent & { readonly replayId: Uint8Array };

export type ReadLimit = { readonly events: number; readonly bytes: number };

export type Topic = {
  readonly name: string;
  /** The topics whose events this one carries, including itself. */
  readonly carries: ReadonlySet<string>;
  /** Empty for channels, which can carry several objects. */
  readonly schemaId: () => string;
};

export type BusEvent = { readonly id: string; readonly schemaId: string; readonly payload: Uint8Array };

export type AddressedEvent = {
  readonly topic: string;
  readonly event: BusEvent;
  /** Topics that carry `topic`, but not this event. */
  readonly except?: readonly string[];
  /** Whether it has the replay id of the previous event. */
  readonly joined?: boolean;
};

/** An event with its replay id; without an event it only advances the newest replay id. */
export type NumberedEvent = { readonly replayId: Buffer; readonly at: number } & (
  | Pick<AddressedEvent, 'topic' | 'event' | 'except'>
  | { readonly topic: null; readonly event: null; readonly except?: never }
);
