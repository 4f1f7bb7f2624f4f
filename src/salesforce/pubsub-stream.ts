import type { ServiceError } from '@grpc/grpc-js';
import { fromPubSub, SalesforceError } from './error.ts';
import type { FetchResponse, PubSubClient } from './pubsub-client.ts';

/** Where delivery starts: at the end, at the oldest event kept, or strictly after an event. */
export type ReplayFrom =
  | { readonly preset: 'LATEST' | 'EARLIEST' }
  | { readonly preset: 'CUSTOM'; readonly replayId: Uint8Array };

/** The credit that Salesforce lets a stream have outstanding. */
export const maxCredit = 100;

export type PullStream = {
  /** Asks for `count` more events; what is outstanding may not exceed {@link maxCredit}. */
  grant(count: number): void;
  /** Events that were asked for and have not come. */
  readonly outstanding: number;
  /**
   * The next response, in order of arrival: events, or none at all for a keepalive. What came while nobody asked is
   * answered at once, as one response.
   * Undefined when none has come within `withinMs`, all of which this process could listen: what arrives while it is
   * paused or busy is no silence. Any end of the stream, clean or not, is a SalesforceError.
   */
  next(withinMs: number): Promise<FetchResponse | undefined>;
  close(): void;
};

/**
 * Opens the pull stream of a topic. Nothing is requested until credit is granted, so at most that many events wait
 * here in memory. Each stream has its own listeners, which go with it.
 */
export function openPullStream(client: PubSubClient, topic: string, from: ReplayFrom): PullStream {
  const call = client.subscribe();
  const waiting: FetchResponse[] = [];
  let end: SalesforceError | undefined;
  let wake: (() => void) | undefined;
  let outstanding = 0;
  let first = true;

  const finish = (error: SalesforceError): void => {
    end ??= error;
    wake?.();
  };
  call.on('data', (response: FetchResponse) => {
    waiting.push(response);
    wake?.();
  });
  call.on('error', (error: ServiceError) => finish(fromPubSub(error)));
  call.on('end', () =>
    finish(new SalesforceError('Salesforce ended the stream', 'stream.ended', 'transient')),
  );

  return {
    grant(count) {
      outstanding += count;
      const start =
        from.preset === 'CUSTOM'
          ? { topicName: topic, replayPreset: from.preset, replayId: Buffer.from(from.replayId) }
          : { topicName: topic, replayPreset: from.preset };
      call.write({ ...(first ? start : { topicName: topic }), numRequested: count });
      first = false;
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
      const response = takeTogether(waiting);
      if (response === undefined && end !== undefined) throw end;
      // Salesforce's own count is the truth; ours lacks what is still on the way to it.
      if (response !== undefined) outstanding = Math.max(0, outstanding - response.events.length);
      return response;
    },
    close() {
      finish(new SalesforceError('the stream was closed', 'stream.closed', 'transient'));
      call.cancel();
    },
  };
}

// What one answer holds at most, as much as the usual credit; events can come in responses of one each.
const maxTogether = 100;

/** The responses at the front that bring events, as one; or a keepalive. */
function takeTogether(waiting: FetchResponse[]): FetchResponse | undefined {
  const first = waiting.shift();
  if (first === undefined || first.events.length === 0) return first;
  const events = [...first.events];
  let last = first;
  for (let next = waiting[0]; next !== undefined && next.events.length > 0; next = waiting[0]) {
    if (events.length + next.events.length > maxTogether) break;
    events.push(...next.events);
    last = next;
    waiting.shift();
  }
  return { ...last, events };
}

// A timer that is later than this was held up: by a pause of the process, or by work.
const heldUpMs = 25;

/**
 * Calls `done` when the process has listened for so long. A timer that was held up comes before what arrived
 * meanwhile is read, so it proves nothing: then it listens once more.
 */
function afterListening(ms: number, done: () => void): () => void {
  let timer: NodeJS.Timeout;
  let turn: NodeJS.Immediate | undefined;
  const listen = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      if (performance.now() - due > heldUpMs) listen();
      // What arrived up to now is read before this turn of the event loop ends.
      else turn = setImmediate(done);
    }, ms);
  };
  listen();
  return () => {
    clearTimeout(timer);
    clearImmediate(turn);
  };
}
