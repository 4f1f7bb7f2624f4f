import type { OrgContext } from '../context.ts';
import { databaseFault } from '../db/database-fault.ts';
import { type Lease, LeaseLostError } from '../db/lease.ts';
import { retryDelayMs } from '../salesforce/backoff.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { maxCredit, openPullStream, type PullStream } from '../salesforce/pubsub-stream.ts';
import { markQuiet, storeEvents, storeKeepalive } from './store-events.ts';
import { createOutageReporter, type OutageReporter } from './stream-outage.ts';
import { readUpToHere, recoverPosition, replayStart } from './stream-position.ts';
import { readSubscription, setSubscriptionState } from './subscription-rows.ts';

/** What is written under the lease has no effect once another process has taken over. */
export type SubscribeContext = Pick<
  OrgContext,
  'pool' | 'topic' | 'org' | 'jobs' | 'replayPreset' | 'quietMs' | 'timing' | 'faults' | 'wakeUps' | 'logger'
> & { readonly lease: Lease };

// Within this time a subscription that Salesforce doesn't want is refused.
const refusalMs = 1_000;
// A database that is back is used at once: it is ours, and nobody counts how often we ask.
const databasePauseMs = 3_000;
// After credit was used up the silence may be the way of our request for more.
const quietAfterExhaustionFactor = 20;

/**
 * Follows the topic until `signal` aborts: any end of the stream leads to the next one, from the stored position.
 * @throws LeaseLostError
 */
export async function subscribe(context: SubscribeContext, signal: AbortSignal): Promise<void> {
  const outages = createOutageReporter(context);
  try {
    for (let failures = 0; !signal.aborted; ) {
      const life: StreamLife = { openedAt: undefined, hasLived: false };
      try {
        await followOnce(context, outages, life, signal);
      } catch (thrown) {
        if (thrown instanceof LeaseLostError) throw thrown;
        if (signal.aborted) break;
        const endedAt = performance.now();
        const error = await causeOf(context, asSalesforceError(thrown));
        // Streams that end one soon after the other are opened again after longer and longer pauses.
        failures = hasLasted(life, endedAt, context.timing) ? 1 : failures + 1;
        await react(context, outages, error, life.hasLived);
        const fullMs = retryDelayMs(error, failures, Math.random());
        const waitMs = error.code.startsWith('database-') ? Math.min(fullMs, databasePauseMs) : fullMs;
        if (!(await isAskedToReconnect(context, waitMs, signal))) continue;
        failures = 0;
        context.org.endSignInPause();
      }
    }
  } finally {
    // From here on it is another process's to know.
    context.faults.clear('stream');
  }
}

/** What a stream has shown of itself. The time that signing in took says nothing about it. */
type StreamLife = {
  /** By `performance.now()`; undefined before the sign-in that comes first. */
  openedAt: number | undefined;
  /** It has delivered something, or stayed connected for long enough to count as working. */
  hasLived: boolean;
};

function hasLasted(
  { openedAt = Number.POSITIVE_INFINITY, hasLived }: StreamLife,
  endedAt: number,
  { streamProvenMs }: SubscribeContext['timing'],
): boolean {
  return hasLived && endedAt - openedAt > streamProvenMs;
}

/** Waits until the next try is due. @returns whether somebody asked for it earlier */
async function isAskedToReconnect(
  { wakeUps }: SubscribeContext,
  waitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const due = performance.now() + waitMs;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (!signal.aborted) await Promise.race([wakeUps.next('reconnect', waitMs), aborted]);
  signal.removeEventListener('abort', onAbort);
  return performance.now() < due - 1;
}

/**
 * A refused token is replaced; if that fails, the failed sign-in is why there is no stream. A refusal for another reason
 * may come from a place that the org has left.
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

/** What an end of the stream asks for, besides waiting. */
async function react(
  context: SubscribeContext,
  outages: OutageReporter,
  error: SalesforceError,
  hadLived: boolean,
): Promise<void> {
  try {
    await outages.failed(error, hadLived);
    if (error.failure === 'data') await recoverPosition(context);
  } catch (failure) {
    if (failure instanceof LeaseLostError) throw failure;
    context.logger.debug({ err: failure }, 'the reaction to the end of the stream failed');
  }
}

async function followOnce(
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
  // The stop may have come while the position was read.
  if (signal.aborted) close();
  try {
    life.openedAt = performance.now();
    stream.grant(maxCredit);
    const first = await firstResponse(context, outages, life, stream);
    if (from.preset === 'LATEST') await readUpToHere(context, subscription.startedAt);
    await storeAll(context, outages, stream, first);
  } finally {
    signal.removeEventListener('abort', close);
    stream.close();
  }
}

/**
 * On a quiet topic the first response can take minutes. A connection that nobody has refused is a stream; after an
 * outage it has to last for a while before it counts.
 */
async function firstResponse(
  context: SubscribeContext,
  outages: OutageReporter,
  life: StreamLife,
  stream: PullStream,
): Promise<FetchResponse> {
  const { pool, lease, org, timing } = context;
  const streaming = async (): Promise<void> => {
    if (!outages.isOngoing()) await setSubscriptionState(pool, lease, 'streaming');
  };
  const early = await stream.next(refusalMs);
  if (early !== undefined || org.pubsub.isConnected()) await streaming();
  const first = early ?? (await stream.next(Math.max(0, timing.streamProvenMs - refusalMs)));
  // What waits on the bus would have come by now: also the rest of a transaction that an earlier stream broke off in.
  if (first === undefined && org.pubsub.isConnected()) {
    life.hasLived = true;
    await outages.proven(true);
    await markQuiet(pool, lease);
  }
  const response = first ?? (await nextResponse(stream, timing.streamSilenceTimeoutMs));
  life.hasLived = true;
  await streaming();
  return response;
}

/**
 * Stores what comes and asks for more. While one lot is being stored, the next one is on its way: there is room for both,
 * and the way to Salesforce and back is not waited for in between.
 */
async function storeAll(
  context: SubscribeContext,
  outages: OutageReporter,
  stream: PullStream,
  first: FetchResponse,
): Promise<never> {
  const { pool, lease, quietMs, timing } = context;
  let response: FetchResponse | undefined = first;
  let silenceMeans: 'whole' | 'dead' = 'dead';
  for (;;) {
    if (stream.outstanding <= maxCredit / 2) stream.grant(maxCredit - stream.outstanding);
    if (response === undefined) {
      await markQuiet(pool, lease);
      silenceMeans = 'dead';
    } else if (response.events.length === 0) {
      await storeKeepalive(pool, lease, response.latestReplayId);
      silenceMeans = 'dead';
    } else {
      const stored = await storeEvents(pool, lease, response.events.map(toRawEvent));
      context.logger.debug({ received: response.events.length, stored }, 'events stored');
      silenceMeans = 'whole';
    }
    // Only what is stored proves that the stream works, also after an end that was no outage.
    await outages.proven(false);
    const exhausted: boolean = response?.pendingNumRequested === 0;
    const limit: number = exhausted ? quietMs * quietAfterExhaustionFactor : quietMs;
    response =
      silenceMeans === 'whole'
        ? await stream.next(limit)
        : await nextResponse(stream, timing.streamSilenceTimeoutMs);
  }
}

async function nextResponse(stream: PullStream, limitMs: number): Promise<FetchResponse> {
  const response = await stream.next(limitMs);
  if (response !== undefined) return response;
  throw new SalesforceError(
    `nothing came for ${limitMs / 1000} s, not even a keepalive`,
    'stream.silent',
    'transient',
  );
}

function toRawEvent({ event, replayId }: FetchResponse['events'][number]) {
  return { eventId: event.id, schemaId: event.schemaId, payload: event.payload, replayId };
}

/** What isn't Salesforce's failure is the database's: the stream is opened again when it is back. */
function asSalesforceError(thrown: unknown): SalesforceError {
  if (thrown instanceof SalesforceError) return thrown;
  const { code, message } = databaseFault(thrown);
  return new SalesforceError(message, code, 'transient', { cause: thrown });
}

type FetchResponse = NonNullable<Awaited<ReturnType<PullStream['next']>>>;
