import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../db/database.ts';
import { backoffMs } from '../salesforce/backoff.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import { maxCredit, openPullStream, type PullStream, type ReplayFrom } from '../salesforce/pubsub-stream.ts';
import type { Timing } from '../timing.ts';
import { repairByResync } from './holes.ts';
import type { Jobs } from './jobs.ts';
import { type Lease, LeaseLost } from './lease.ts';
import { requestResync } from './resync/request-resync.ts';
import { markQuiet, storeEvents, storeKeepalive } from './store.ts';
import {
  forgetPosition,
  readSubscription,
  type SubscriptionRow,
  setSubscriptionState,
} from './subscription-rows.ts';

export type SubscribeContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  /** What is written under it has no effect once another process has taken over. */
  readonly lease: Lease;
  readonly org: Org;
  readonly jobs: Jobs;
  readonly logger: Logger;
  /** Where a first subscription starts. */
  readonly replayPreset: 'latest' | 'earliest';
  /** How long the bus has to be silent, with credit outstanding, for the last transaction to be whole. */
  readonly quietMs: number;
  readonly timing: Pick<Timing, 'streamSilenceTimeoutMs'>;
};

// Events stay on the bus for 72 hours; behind one that is younger than this it is safe to resume.
const keptForMs = 48 * 3_600_000;
// Within this time a subscription that Salesforce doesn't want is refused.
const refusalMs = 1_000;
// A stream that lived this long was healthy: the next failure is a first one again.
const healthyMs = 10_000;
// A database that is back is used at once: it is ours, and nobody counts how often we ask.
const databasePauseMs = 3_000;
// After credit was used up the silence may be the way of our request for more.
const quietAfterExhaustionFactor = 20;

/**
 * Follows the topic until `signal` aborts: any end of the stream leads to the next one, from the stored position.
 * @throws LeaseLost
 */
export async function subscribe(context: SubscribeContext, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    const openedAt = Date.now();
    try {
      await followOnce(context, signal);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      if (signal.aborted) break;
      const error = asSalesforceError(thrown);
      failures = Date.now() - openedAt > healthyMs ? 1 : failures + 1;
      const fullMs = backoffMs(error.failure, failures, Math.random());
      const waitMs = error.code === 'database' ? Math.min(fullMs, databasePauseMs) : fullMs;
      context.logger.warn(
        { code: error.code, class: error.failure, waitMs },
        `the stream ended: ${error.message}`,
      );
      await react(context, error).catch((failure: Error) => {
        if (failure instanceof LeaseLost) throw failure;
        context.logger.warn({ err: failure }, 'the reaction to the end of the stream failed');
      });
      await pause(waitMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** What an end of the stream asks for, besides waiting. */
async function react(context: SubscribeContext, error: SalesforceError): Promise<void> {
  const needsPerson = error.failure === 'config' || error.failure === 'permission' || error.failure === 'bug';
  await setSubscriptionState(context.pool, context.lease, needsPerson ? 'stopped' : 'waiting', error);
  if (error.failure === 'auth') await context.org.renewToken();
  if (error.failure === 'data') await recoverPosition(context);
}

/**
 * The bus doesn't know our position any more. What it still keeps is read from its beginning, and what was changed
 * since the last certain moment is read from Salesforce: nothing in between stays unread.
 */
async function recoverPosition(context: SubscribeContext): Promise<void> {
  const { pool, topic, lease, logger } = context;
  await inTransaction(pool, async (client) => {
    const subscription = await readSubscription(client, topic);
    const { positionAt, startedAt } = subscription;
    const replayId = resumePosition(subscription);
    if (replayId === null) return;
    const since = new Date((positionAt ?? startedAt).getTime() - 5 * 60_000);
    await forgetPosition(client, lease);
    const resync = await repairByResync(context, client, {
      cause: 'position lost',
      detail: `Salesforce does not know the position ${replayId.toString('base64')} any more.`,
      from: since,
      request: { scope: 'since', since, reason: 'position lost' },
    });
    logger.warn(
      { resync, since },
      'the position was lost; starting from the oldest event, reading what changed',
    );
  });
}

async function followOnce(context: SubscribeContext, signal: AbortSignal): Promise<void> {
  const { pool, topic, lease, org, timing } = context;
  await setSubscriptionState(pool, lease, 'connecting');
  const subscription = await readSubscription(pool, topic);
  const from = startOf(context, subscription);
  const stream = openPullStream(org.pubsub, topic, from);
  const close = (): void => stream.close();
  signal.addEventListener('abort', close);
  // The stop may have come while the position was read.
  if (signal.aborted) close();
  try {
    stream.grant(maxCredit);
    const early = await stream.next(refusalMs);
    // On a quiet topic the first answer can take minutes; a connection that nobody has refused is a stream.
    if (early !== undefined || org.pubsub.isConnected()) await setSubscriptionState(pool, lease, 'streaming');
    const first = early ?? (await nextResponse(stream, timing.streamSilenceTimeoutMs));
    await setSubscriptionState(pool, lease, 'streaming');
    if (from.preset === 'LATEST') await readUpToHere(context, subscription.startedAt);
    await storeAll(context, stream, first);
  } finally {
    signal.removeEventListener('abort', close);
    stream.close();
  }
}

/**
 * Behind the newest stored event: that is never ahead of anything. Where it is so old that the bus may have forgotten
 * it, behind the newest keepalive.
 */
function startOf({ replayPreset }: SubscribeContext, subscription: SubscriptionRow): ReplayFrom {
  const replayId = resumePosition(subscription);
  if (replayId !== null) return { preset: 'CUSTOM', replayId };
  // Without a position after the first load, one was lost: the oldest event is the safe start.
  const isFirst = replayPreset === 'latest' && subscription.loadedAt === null;
  return { preset: isFirst ? 'LATEST' : 'EARLIEST' };
}

function resumePosition({ replayId, positionAt, keepaliveReplayId }: SubscriptionRow): Buffer | null {
  const isOld = positionAt !== null && Date.now() - positionAt.getTime() > keptForMs;
  return isOld ? (keepaliveReplayId ?? replayId) : (replayId ?? keepaliveReplayId);
}

/**
 * A stream from the end of the bus is proven only by its first answer. What changed before that and after the load
 * began could be in neither: it is read once more.
 */
async function readUpToHere({ pool, jobs }: SubscribeContext, startedAt: Date): Promise<void> {
  await inTransaction(pool, async (client) => {
    const since = new Date(startedAt.getTime() - 60_000);
    await jobs.enqueueResync(
      client,
      await requestResync(client, { scope: 'since', since, reason: 'first position' }),
    );
  });
}

/**
 * Stores what comes and asks for more. While one lot is being stored, the next one is on its way: there is room for both,
 * and the way to Salesforce and back is not waited for in between.
 */
async function storeAll(context: SubscribeContext, stream: PullStream, first: FetchResponse): Promise<never> {
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
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SalesforceError(message, 'database', 'transient', { cause: thrown });
}

type FetchResponse = NonNullable<Awaited<ReturnType<PullStream['next']>>>;
