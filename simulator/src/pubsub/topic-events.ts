import type { Batch, BusEntry, DeliveredEvent, ReadLimit, Topic } from './bus-types.ts';

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
