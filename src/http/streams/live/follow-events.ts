import type { EventTail } from './event-tail.ts';
import type { LiveEvent, LogEnds } from './read-applied.ts';
import { encodeStreamId, type StreamPosition } from './stream-id.ts';

export type EventFilter = {
  readonly state: string;
  readonly changeType?: string;
  readonly entityName?: string;
  /** 18 characters. */
  readonly recordId?: string;
};

/** The start of a reader, and why it could not be resumed. */
export type StreamStart = {
  readonly log: string;
  readonly position: bigint;
  readonly resumed: boolean;
  readonly reset: 'expired' | 'unknown' | null;
};

/** Without a last position, a reader starts with new events. If it cannot be resumed, `reset` is the reason. */
export function startPosition({ log, oldest, newest }: LogEnds, last: StreamPosition | null): StreamStart {
  if (last === null) return { log, position: newest, resumed: false, reset: null };
  if (last.log !== log || last.position > newest) {
    return { log, position: newest, resumed: false, reset: 'unknown' };
  }
  if (last.position < oldest - 1n) return { log, position: oldest - 1n, resumed: false, reset: 'expired' };
  return { log, position: last.position, resumed: true, reset: null };
}

/** Generates the text of the stream, one or more whole transactions at a time, until the signal is aborted. */
export async function* followEvents(
  tail: EventTail,
  start: StreamStart,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let { position } = start;
  tail.enter();
  try {
    yield readyEvent(start);
    while (!signal.aborted) {
      const seen = tail.version();
      const events = await tail.readAfter(start.log, position);
      if (events.length === 0) await tail.waitForNews(seen, signal);
      for (const chunk of chunks(events.filter((event) => matchesFilter(filter, event)))) yield chunk;
      position = events.at(-1)?.position ?? position;
    }
  } finally {
    tail.leave();
  }
}

const retryMs = 2_000;

/** The first event, with an id for readers that disconnect before the first change. */
function readyEvent(start: StreamStart): string {
  const id = encodeStreamId(start);
  const data = { lastEventId: id, resumed: start.resumed };
  const ready = `retry: ${retryMs}\nid: ${id}\nevent: ready\ndata: ${JSON.stringify(data)}\n\n`;
  if (start.reset === null) return ready;
  return `${ready}id: ${id}\nevent: reset\ndata: ${JSON.stringify({ reason: start.reset })}\n\n`;
}

function matchesFilter({ state, changeType, entityName, recordId }: EventFilter, event: LiveEvent): boolean {
  return (
    event.state === state &&
    (changeType === undefined || event.changeType === changeType) &&
    (entityName === undefined || event.entityName === entityName) &&
    (recordId === undefined || event.recordIds.includes(recordId))
  );
}

const maxChunkLength = 64 * 1024;

/** Groups whole transactions into chunks. For a slow reader one chunk is buffered. */
function* chunks(events: readonly LiveEvent[]): Generator<string> {
  let chunk = '';
  let last: string | null = null;
  for (const { transactionKey, text } of events) {
    const isFirst = transactionKey === null || transactionKey !== last;
    if (isFirst && chunk.length + text.length > maxChunkLength && chunk !== '') {
      yield chunk;
      chunk = '';
    }
    chunk += text;
    last = transactionKey;
  }
  if (chunk !== '') yield chunk;
}
