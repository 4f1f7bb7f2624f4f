import type { OrgContext } from '../context.ts';
import { databaseFault } from '../db/database-fault.ts';
import { type Lease, LeaseLostError } from '../db/lease.ts';
import { untilAborted } from '../run-loop.ts';
import { retryDelayMs } from '../salesforce/backoff.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { openPullStream, type PullStream } from '../salesforce/pubsub-stream.ts';
import { markQuiet, storeEvents, storeKeepalive } from './store-events.ts';
import { createOutageReporter, type OutageReporter } from './stream-outage.ts';
import { recoverPosition, replayStart, requestReadSinceStart } from './stream-position.ts';
import { readSubscription, setSubscriptionState } from './subscription-rows.ts';
import { traceStorage } from './trace-storage.ts';

/** Writes under the lease have no effect after another process has taken over. */
export type SubscribeContext = Pick<
  OrgContext,
  | 'pool'
  | 'topic'
  | 'org'
  | 'jobs'
  | 'replayPreset'
  | 'quietMs'
  | 'timing'
  | 'faults'
  | 'wakeUps'
  | 'activity'
  | 'logger'
> & { readonly lease: Lease };

// Salesforce refuses an invalid subscription within this time.
const refusalTimeoutMs = 1_000;
// Short, because the own database needs no protection from retries.
const maxDatabasePauseMs = 3_000;
// After all credit is used, the next events also need a round trip for the new credit.
const quietAfterExhaustionFactor = 20;

/**
 * Subscribes to the topic until `signal` aborts. When the stream ends, it is reopened at the stored position.
 * @throws LeaseLostError
 */
export async function subscribe(context: SubscribeContext, signal: AbortSignal): Promise<void> {
  const outages = createOutageReporter(context);
  try {
    for (let failures = 0; !signal.aborted; ) {
      const life: StreamLife = { openedAt: undefined, hasWorked: false };
      try {
        await runStream(context, outages, life, signal);
      } catch (thrown) {
        if (thrown instanceof LeaseLostError) throw thrown;
        if (signal.aborted) break;
        const endedAt = performance.now();
        const error = await causeOf(context, asSalesforceError(thrown));
        // Only a stream that lasted resets the backoff.
        failures = hasLasted(life, endedAt, context.timing) ? 1 : failures + 1;
        await handleFailure(context, outages, error, life.hasWorked);
        const fullMs = retryDelayMs(error, failures, Math.random());
        const waitMs = error.code.startsWith('database-') ? Math.min(fullMs, maxDatabasePauseMs) : fullMs;
        if (!(await waitForReconnect(context, waitMs, signal))) continue;
        failures = 0;
        context.org.endSignInPause();
      }
    }
  } finally {
    // The next leader reports the state of the stream.
    context.faults.clear('stream');
  }
}

/** State of one stream. The time of the sign-in does not count. */
type StreamLife = {
  /** By `performance.now()`; undefined until the sign-in is complete. */
  openedAt: number | undefined;
  /** Whether it has received an event or keepalive, or was connected long enough to count as working. */
  hasWorked: boolean;
};

function hasLasted(
  { openedAt = Number.POSITIVE_INFINITY, hasWorked }: StreamLife,
  endedAt: number,
  { streamProvenMs }: SubscribeContext['timing'],
): boolean {
  return hasWorked && endedAt - openedAt > streamProvenMs;
}

/** Waits until the next attempt is due. @returns whether an operator requested it earlier */
async function waitForReconnect(
  { wakeUps }: SubscribeContext,
  waitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const due = performance.now() + waitMs;
  await untilAborted(signal, wakeUps.next('reconnect', waitMs));
  return performance.now() < due - 1;
}

/**
 * The actual cause of a failure. A refused token is renewed; if that fails, the error of the sign-in is the cause. A
 * refusal for another reason can come from an instance that the org has left.
 */
async function causeOf({ org }: SubscribeContext, error: SalesforceError): Promise<SalesforceError> {
  if (error.duringSignIn) return error;
  try {
    if (error.failure === 'auth') await org.renewToken(error);
    else if (['config', 'permission'].includes(error.failure) && (await org.hasMoved())) return moved(error);
    return error;
  } catch (failure) {
    return asSalesforceError(failure);
  }
}

function moved(cause: SalesforceError): SalesforceError {
  const message = `the org has moved to another instance: ${cause.message}`;
  return new SalesforceError(message, 'INSTANCE_MOVED', 'transient', { cause });
}

/** Reports the end of the stream, and recovers a lost position. */
async function handleFailure(
  context: SubscribeContext,
  outages: OutageReporter,
  error: SalesforceError,
  wasWorking: boolean,
): Promise<void> {
  try {
    await outages.failed(error, wasWorking);
    if (error.failure === 'data') await recoverPosition(context);
  } catch (failure) {
    if (failure instanceof LeaseLostError) throw failure;
    context.logger.debug({ err: failure }, 'handling the end of the stream failed');
  }
}

async function runStream(
  context: SubscribeContext,
  outages: OutageReporter,
  life: StreamLife,
  signal: AbortSignal,
): Promise<void> {
  const { pool, topic, lease, org } = context;
  const subscription = await readSubscription(pool, topic);
  outages.resume(subscription);
  if (!outages.isOngoing()) await setSubscriptionState(pool, lease, 'connecting');
  const from = replayStart(context, subscription);
  await org.signIn();
  const stream = openPullStream(org.pubsub, topic, from);
  const close = (): void => stream.close();
  signal.addEventListener('abort', close);
  // The signal may have aborted while the position was read.
  if (signal.aborted) close();
  try {
    life.openedAt = performance.now();
    stream.keepCredit();
    const first = await readFirstResponse(context, outages, life, stream);
    if (from.preset === 'LATEST') await requestReadSinceStart(context, subscription.startedAt);
    await storeResponses(context, outages, stream, first);
  } finally {
    signal.removeEventListener('abort', close);
    stream.close();
  }
}

/**
 * Waits for the first response, which can take minutes on a quiet topic. An accepted connection already counts as
 * streaming; after an outage it must last for a minimum time.
 */
async function readFirstResponse(
  context: SubscribeContext,
  outages: OutageReporter,
  life: StreamLife,
  stream: PullStream,
): Promise<FetchResponse> {
  const { pool, lease, org, timing } = context;
  const streaming = async (): Promise<void> => {
    if (!outages.isOngoing()) await setSubscriptionState(pool, lease, 'streaming');
  };
  const early = await stream.next(refusalTimeoutMs);
  if (early !== undefined || org.pubsub.isConnected()) await streaming();
  const first = early ?? (await stream.next(Math.max(0, timing.streamProvenMs - refusalTimeoutMs)));
  // Waiting events would have arrived by now, including the rest of a transaction that an earlier stream was
  // interrupted in.
  if (first === undefined && org.pubsub.isConnected()) {
    life.hasWorked = true;
    await outages.succeeded(true);
    await markQuiet(pool, lease);
  }
  const response = first ?? (await nextResponse(stream, timing.streamSilenceTimeoutMs));
  life.hasWorked = true;
  await streaming();
  return response;
}

/**
 * Stores responses. The next ones arrive while a response is stored.
 */
async function storeResponses(
  context: SubscribeContext,
  outages: OutageReporter,
  stream: PullStream,
  first: FetchResponse,
): Promise<never> {
  const { pool, lease, quietMs, timing } = context;
  let response: FetchResponse | undefined = first;
  // After events, a pause means that the transaction is complete; after a keepalive, that the stream is dead.
  let silenceMeans: 'complete' | 'dead' = 'dead';
  for (;;) {
    if (response === undefined) {
      await markQuiet(pool, lease);
      silenceMeans = 'dead';
    } else if (response.events.length === 0) {
      await storeKeepalive(pool, lease, response.latestReplayId);
      silenceMeans = 'dead';
    } else {
      const { events } = response;
      const stored = await traceStorage(events, () => storeEvents(pool, lease, events.map(toRawEvent)));
      context.logger.debug({ received: events.length, stored }, 'events stored');
      silenceMeans = 'complete';
    }
    // The stream counts as working only after the response was stored.
    await outages.succeeded(false);
    const exhausted: boolean = response?.pendingNumRequested === 0;
    const limit: number = exhausted ? quietMs * quietAfterExhaustionFactor : quietMs;
    response =
      silenceMeans === 'complete'
        ? await stream.next(limit)
        : await nextResponse(stream, timing.streamSilenceTimeoutMs);
  }
}

async function nextResponse(stream: PullStream, limitMs: number): Promise<FetchResponse> {
  const response = await stream.next(limitMs);
  if (response !== undefined) return response;
  throw new SalesforceError(
    `no event or keepalive received for ${limitMs / 1000} s`,
    'stream.silent',
    'transient',
  );
}

function toRawEvent({ event, replayId }: FetchResponse['events'][number]) {
  return { eventId: event.id, schemaId: event.schemaId, payload: event.payload, replayId };
}

/** Other errors come from the database; the stream is reopened when it is available again. */
function asSalesforceError(thrown: unknown): SalesforceError {
  if (thrown instanceof SalesforceError) return thrown;
  const { code, message } = databaseFault(thrown);
  return new SalesforceError(message, code, 'transient', { cause: thrown });
}

type FetchResponse = NonNullable<Awaited<ReturnType<PullStream['next']>>>;
