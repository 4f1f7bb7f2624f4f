import type { Bus, DeliveredEvent, Topic } from './bus.ts';
import { type PubSubFailure, pubSubFailures } from './pubsub-failures.ts';
import type { FetchRequest, FetchResponse } from './pubsub-wire.ts';

/**
 * One Subscribe call: the client grants credit, the server sends at most that many events.
 * While credit is left and nothing happens, empty responses show that the stream lives; without credit
 * the stream is closed after a while.
 */
export function openSubscription(options: SubscriptionOptions): Subscription {
  const { bus } = options;
  let topic: Topic | undefined;
  let position = 0;
  let credit = 0;
  let writable = true;
  let open = true;
  let timer = setTimeout(onTimer, options.idleMs);
  const stopListening = bus.onAppend(scheduleFlush);
  let flushScheduled = false;

  function scheduleFlush(): void {
    if (flushScheduled) return;
    flushScheduled = true;
    setImmediate(() => {
      flushScheduled = false;
      flush();
    });
  }

  function flush(): void {
    while (open && writable && credit > 0 && topic !== undefined && !options.isStalled()) {
      const batch = bus.read(topic.name, position, { events: credit, bytes: RESPONSE_BYTES });
      position = batch.next;
      if (batch.events.length === 0) return;
      credit -= batch.events.length;
      respond(batch.events);
    }
  }

  function respond(events: readonly DeliveredEvent[]): void {
    const drained = position === bus.latest();
    const latestReplayId = drained ? bus.latestReplayId() : (events.at(-1)?.replayId ?? bus.latestReplayId());
    const response: FetchResponse = {
      events: events.map(({ replayId, ...event }) => ({ event, replayId })),
      latestReplayId,
      rpcId: options.rpcId,
      pendingNumRequested: credit,
    };
    writable = options.write(response);
    restartTimer();
  }

  function restartTimer(): void {
    clearTimeout(timer);
    timer = setTimeout(onTimer, credit > 0 ? options.keepaliveMs : options.idleMs);
  }

  function onTimer(): void {
    if (!open) return;
    if (credit === 0) {
      options.end();
      return;
    }
    flush();
    if (writable && credit > 0 && !options.isStalled()) respond([]);
    else restartTimer();
  }

  return {
    request(request) {
      if (!open) return undefined;
      const failure = topic === undefined ? start(request) : next(request, topic);
      if (failure !== undefined) return failure;
      const wasIdle = credit === 0;
      credit = Math.min(credit + request.numRequested, MAX_CREDIT);
      if (wasIdle) restartTimer();
      flush();
      return undefined;
    },
    drained() {
      writable = true;
      flush();
    },
    close() {
      open = false;
      clearTimeout(timer);
      stopListening();
    },
  };

  function start(request: FetchRequest): PubSubFailure | undefined {
    if (request.topicName === '') return pubSubFailures.topicEmpty;
    const found = bus.topic(request.topicName);
    if (found === undefined) return pubSubFailures.topicNotFound;
    if (request.numRequested <= 0) return pubSubFailures.requestedEventsInvalid;
    if (request.replayPreset === 'CUSTOM' && request.replayId.length === 0) {
      return pubSubFailures.replayIdMissing;
    }
    const from = startOf(request, bus);
    if (from === undefined) return pubSubFailures.replayIdCorrupted;
    position = from;
    topic = found;
    return undefined;
  }
}

function next(request: FetchRequest, topic: Topic): PubSubFailure | undefined {
  if (request.topicName !== '' && request.topicName !== topic.name) return pubSubFailures.topicMismatch;
  return request.numRequested <= 0 ? pubSubFailures.requestedEventsInvalid : undefined;
}

function startOf(request: FetchRequest, bus: Bus): number | undefined {
  switch (request.replayPreset) {
    case 'EARLIEST':
      return bus.earliest();
    case 'CUSTOM':
      return bus.after(request.replayId);
    default:
      return bus.latest();
  }
}

/** Credit beyond this is not counted. */
const MAX_CREDIT = 100;
const RESPONSE_BYTES = 3_000_000;

export type SubscriptionOptions = {
  readonly bus: Bus;
  readonly rpcId: string;
  /** After this long without a response an empty one is sent, while credit is left. */
  readonly keepaliveMs: number;
  /** After this long without credit the stream is closed. */
  readonly idleMs: number;
  /** False when nothing more should be written before `drained`. */
  readonly write: (response: FetchResponse) => boolean;
  readonly end: () => void;
  /** True while the stream is to hang: neither events nor keepalives. */
  readonly isStalled: () => boolean;
};

export type Subscription = {
  /** Answers why the request is refused, which ends the stream. */
  request(request: FetchRequest): PubSubFailure | undefined;
  drained(): void;
  close(): void;
};
