import type { ServiceError } from '@grpc/grpc-js';
import { fromPubSub, SalesforceError } from './error.ts';
import type { FetchResponse, PubSubClient } from './pubsub-client.ts';

/** Where delivery starts: at the end, at the oldest retained event, or after an event. */
export type ReplayFrom =
  | { readonly preset: 'LATEST' | 'EARLIEST' }
  | { readonly preset: 'CUSTOM'; readonly replayId: Uint8Array };

/** Maximum number of requested events that Salesforce allows a stream. */
export const maxCredit = 100;

export type PullStream = {
  /** Requests `count` more events; at most {@link maxCredit} may be outstanding. */
  grant(count: number): void;
  /**
   * Requests events from now on whenever half of the credit is used, unless too many have arrived that `next` has not
   * returned. So events arrive while earlier ones are stored.
   */
  keepCredit(): void;
  /** Number of requested events that have not arrived. */
  readonly outstanding: number;
  /**
   * The next response in order of arrival; a keepalive has no events. Responses that arrived before the call are combined.
   * @returns undefined if none arrives within `withinMs` during which the process was not paused or busy
   * @throws SalesforceError for any end of the stream
   */
  next(withinMs: number): Promise<FetchResponse | undefined>;
  close(): void;
};

/**
 * Opens the pull stream of a topic. Events are requested only by `grant` and `keepCredit`, which bounds the events in
 * memory.
 */
export function openPullStream(client: PubSubClient, topic: string, from: ReplayFrom): PullStream {
  const call = client.subscribe();
  const waiting: FetchResponse[] = [];
  let end: SalesforceError | undefined;
  let wake: (() => void) | undefined;
  let outstanding = 0;
  const arrived: Amount = { events: 0, bytes: 0 };
  let first = true;
  let keepsCredit = false;

  const grant = (count: number): void => {
    outstanding += count;
    const start =
      from.preset === 'CUSTOM'
        ? { topicName: topic, replayPreset: from.preset, replayId: Buffer.from(from.replayId) }
        : { topicName: topic, replayPreset: from.preset };
    call.write({ ...(first ? start : { topicName: topic }), numRequested: count });
    first = false;
  };
  const refill = (): void => {
    const isFull = arrived.events >= maxArrived.events || arrived.bytes >= maxArrived.bytes;
    if (keepsCredit && end === undefined && !isFull && outstanding <= maxCredit / 2)
      grant(maxCredit - outstanding);
  };
  const finish = (error: SalesforceError): void => {
    end ??= error;
    wake?.();
  };
  call.on('data', (response: FetchResponse) => {
    waiting.push(response);
    const { events, bytes } = amountOf(response);
    arrived.events += events;
    arrived.bytes += bytes;
    outstanding = Math.max(0, outstanding - events);
    refill();
    wake?.();
  });
  call.on('error', (error: ServiceError) => finish(fromPubSub(error)));
  call.on('end', () =>
    finish(new SalesforceError('Salesforce ended the stream', 'stream.ended', 'transient')),
  );

  return {
    grant,
    keepCredit() {
      keepsCredit = true;
      refill();
    },
    get outstanding() {
      return outstanding;
    },
    async next(withinMs) {
      if (waiting.length === 0 && end === undefined) {
        await new Promise<void>((resolve) => {
          const stopListening = afterListening(withinMs, resolve);
          wake = () => {
            stopListening();
            resolve();
          };
        });
        wake = undefined;
      }
      const response = takeCombined(waiting);
      if (response === undefined && end !== undefined) throw end;
      if (response === undefined) return undefined;
      const { events, bytes } = amountOf(response);
      arrived.events -= events;
      arrived.bytes -= bytes;
      refill();
      return response;
    },
    close() {
      finish(new SalesforceError('the stream was closed', 'stream.closed', 'transient'));
      call.cancel();
    },
  };
}

type Amount = { events: number; bytes: number };

// Arrived events from which on no more are requested; up to the credit may still arrive.
const maxArrived: Amount = { events: 400, bytes: 8 * 1024 ** 2 };

function amountOf({ events }: FetchResponse): Amount {
  return { events: events.length, bytes: events.reduce((sum, { event }) => sum + event.payload.length, 0) };
}

// Events of one response of `next`, unless a single response of Salesforce has more.
const maxCombinedEvents = 500;

/** Combines the leading responses that have events; or takes a keepalive. */
function takeCombined(waiting: FetchResponse[]): FetchResponse | undefined {
  const first = waiting.shift();
  if (first === undefined || first.events.length === 0) return first;
  const events = [...first.events];
  let last = first;
  for (let next = waiting[0]; next !== undefined && next.events.length > 0; next = waiting[0]) {
    if (events.length + next.events.length > maxCombinedEvents) break;
    events.push(...next.events);
    last = next;
    waiting.shift();
  }
  return { ...last, events };
}

// A timer that is later was delayed by a pause of the process or by work.
const maxTimerDelayMs = 25;

/**
 * Calls `done` after the process has listened for `ms`. A delayed timer fires before data that arrived in the meantime is
 * read, so it listens again.
 */
function afterListening(ms: number, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  let turn: NodeJS.Immediate | undefined;
  const listen = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      if (performance.now() - due > maxTimerDelayMs) listen();
      // Pending data is read before this turn of the event loop ends.
      else turn = setImmediate(done);
    }, ms);
  };
  listen();
  return () => {
    clearTimeout(timer);
    clearImmediate(turn);
  };
}
