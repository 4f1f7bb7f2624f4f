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

/** Where a reader begins, and whether something before it can't be had any more. */
export type StreamStart = {
  readonly log: string;
  readonly position: bigint;
  readonly resumed: boolean;
  readonly reset: 'expired' | 'unknown' | null;
};

/** Without a position a reader begins now; with one that can't be resumed it is told so, and what there is follows. */
export function startPosition({ log, oldest, newest }: LogEnds, last: StreamPosition | null): StreamStart {
  if (last === null) return { log, position: newest, resumed: false, reset: null };
  if (last.log !== log || last.position > newest) {
    return { log, position: newest, resumed: false, reset: 'unknown' };
  }
  if (last.position < oldest - 1n) return { log, position: oldest - 1n, resumed: false, reset: 'expired' };
  return { log, position: last.position, resumed: true, reset: null };
}

/** The text of the stream from there on, transaction by transaction, for as long as somebody reads. */
export async function* followEvents(
  tail: EventTail,
  start: StreamStart,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let { position } = start;
  tail.enter();
  try {
    yield greeting(start);
    while (!signal.aborted) {
      const seen = tail.news();
      const events = await tail.after(start.log, position);
      if (events.length === 0) await tail.next(seen, signal);
      for (const part of parts(events.filter((event) => passes(filter, event)))) yield part;
      position = events.at(-1)?.position ?? position;
    }
  } finally {
    tail.leave();
  }
}

const retryMs = 2_000;

/** What a reader that breaks off before the first event goes on from. */
function greeting(start: StreamStart): string {
  const id = encodeStreamId(start);
  const told = { lastEventId: id, resumed: start.resumed };
  const ready = `retry: ${retryMs}\nid: ${id}\nevent: ready\ndata: ${JSON.stringify(told)}\n\n`;
  if (start.reset === null) return ready;
  return `${ready}id: ${id}\nevent: reset\ndata: ${JSON.stringify({ reason: start.reset })}\n\n`;
}

function passes({ state, changeType, entityName, recordId }: EventFilter, event: LiveEvent): boolean {
  return (
    event.state === state &&
    (changeType === undefined || event.changeType === changeType) &&
    (entityName === undefined || event.entityName === entityName) &&
    (recordId === undefined || event.recordIds.includes(recordId))
  );
}

const partLength = 64 * 1024;

/** Whole transactions together, so many as fit: what waits for a slow reader is one part. */
function* parts(events: readonly LiveEvent[]): Generator<string> {
  let part = '';
  let last: string | null = null;
  for (const { transactionKey, text } of events) {
    const begins = transactionKey === null || transactionKey !== last;
    if (begins && part.length + text.length > partLength && part !== '') {
      yield part;
      part = '';
    }
    part += text;
    last = transactionKey;
  }
  if (part !== '') yield part;
}
