import type { Bus } from './bus.ts';
import type { Batch, DeliveredEvent, Topic } from './bus-events.ts';
import { type PubSubFailure, pubSubFailures } from './failures.ts';
import type { FetchRequest, FetchResponse } from './wire.ts';

/**
 * One Subscribe call: the client grants credit, the server sends at most that many events.
 * Without events, empty responses are keepalives while credit is left; without credit the stream is closed after a
 * timeout.
 */
export function openSubscription(options: SubscriptionOptions) {
  const { bus, faults } = options;
  let topic: Topic | undefined;
  let position = 0;
  let credit = 0;
  let writable = true;
  let open = true;
  let hold: NodeJS.Timeout | undefined;
  let timer = setTimeout(onTimer, options.idleMs);
  const stopListening = [bus.onAppend(scheduleFlush), faults.onChange?.(scheduleFlush)];
  let flushScheduled = false;

  function scheduleFlush(): void {
    if (flushScheduled) return;
    flushScheduled = true;
    setImmediate(() => {
      flushScheduled = false;
      flush();
    });
  }

  function flush(isReleased = false): void {
    let released = isReleased;
    while (open && writable && hold === undefined && credit > 0 && topic !== undefined && !isStalled()) {
      const batch = nextBatch(bus, topic.name, position, credit, faults);
      if (batch.events.length > 0 && !released && holdBack() > 0) return;
      released = false;
      position = batch.next;
      if (batch.events.length === 0) return;
      credit = Math.max(0, credit - batch.events.length);
      respond(batch.events);
    }
  }

  /** Delays the next events if a fault requires it; returns the delay in milliseconds. */
  function holdBack(): number {
    const ahead = faults.ahead?.();
    if (ahead !== undefined) respond([]);
    const delayMs = (ahead?.holdMs ?? 0) + (faults.slowMs?.() ?? 0);
    if (delayMs > 0) {
      hold = setTimeout(() => {
        hold = undefined;
        flush(true);
      }, delayMs);
    }
    return delayMs;
  }

  function isStalled(): boolean {
    return faults.isStalled?.() ?? false;
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
    if (writable && credit > 0 && hold === undefined && !isStalled()) respond([]);
    else restartTimer();
  }

  return {
    /** Returns the failure of an invalid request, which ends the stream. */
    request(request: FetchRequest): PubSubFailure | undefined {
      if (!open) return undefined;
      const failure = topic === undefined ? start(request) : next(request, topic);
      if (failure !== undefined) return failure;
      const wasIdle = credit === 0;
      credit = Math.min(credit + request.numRequested, MAX_CREDIT);
      if (wasIdle) restartTimer();
      flush();
      return undefined;
    },
    drained(): void {
      writable = true;
      flush();
    },
    close(): void {
      open = false;
      clearTimeout(timer);
      clearTimeout(hold);
      for (const stop of stopListening) stop?.();
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
    const from = startOf(request, bus, faults);
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

function startOf(request: FetchRequest, bus: Bus, faults: StreamFaults): number | undefined {
  switch (request.replayPreset) {
    case 'EARLIEST':
      return bus.earliest();
    case 'CUSTOM': {
      const from = faults.isCorrupt?.() ? undefined : bus.after(request.replayId);
      if (from === undefined) return undefined;
      return bus.before(request.topicName, from, faults.repeat?.() ?? 0);
    }
    default:
      return bus.latest();
  }
}

/** As many events as credit and size allow, and more if a fault requires it. */
function nextBatch(bus: Bus, topic: string, position: number, credit: number, faults: StreamFaults): Batch {
  const maxEvents = Math.min(credit, faults.batchSize?.() ?? credit);
  const batch = bus.read(topic, position, { events: maxEvents, bytes: RESPONSE_BYTES });
  if (batch.events.length < credit || batch.next >= bus.latest()) return batch;
  const excess = faults.excess?.() ?? 0;
  return excess === 0 ? batch : bus.read(topic, position, { events: credit + excess, bytes: RESPONSE_BYTES });
}

/** Additional credit is ignored. */
const MAX_CREDIT = 100;
const RESPONSE_BYTES = 3_000_000;

type SubscriptionOptions = {
  readonly bus: Bus;
  readonly rpcId: string;
  /** Time without a response after which an empty one is sent while credit is left. */
  readonly keepaliveMs: number;
  /** Time without credit after which the stream is closed. */
  readonly idleMs: number;
  /** False if nothing must be written before `drained`. */
  readonly write: (response: FetchResponse) => boolean;
  readonly end: () => void;
  readonly faults: StreamFaults;
};

/** Faults of open streams; each function is called on every occasion. */
export type StreamFaults = {
  /** While true, open streams send neither events nor keepalives. */
  readonly isStalled?: () => boolean;
  /** Milliseconds before the next response with events. */
  readonly slowMs?: () => number;
  /** A keepalive with a position after events that follow after `holdMs`. */
  readonly ahead?: () => { readonly holdMs: number } | undefined;
  /** Maximum number of events of a response. */
  readonly batchSize?: () => number | undefined;
  /** Number of events beyond the credit, if more are waiting. */
  readonly excess?: () => number;
  /** Number of events before a resume position that are sent again. */
  readonly repeat?: () => number;
  /** Whether a valid replay id is refused. */
  readonly isCorrupt?: () => boolean;
  /** Calls back when a result may have changed. Returns a function that unsubscribes. */
  readonly onChange?: (listener: () => void) => () => void;
};
