import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ApplyContext, applyWaiting } from './apply/apply-events.ts';
import { type ApplyFaultContext, createApplyReporter } from './apply/apply-fault.ts';
import { applyWebhooks } from './apply/apply-webhooks.ts';
import { type CodeOptions, codeRules } from './codes/code-rules.ts';
import type { Database } from './db/database.ts';
import { holdLease } from './db/hold-lease.ts';
import type { Jobs } from './db/jobs.ts';
import type { Instance } from './db/lease.ts';
import { logFailure } from './db/log-failure.ts';
import { listenForWakeUps, type WakeUps } from './db/wake-up.ts';
import { withTimeout } from './db/with-timeout.ts';
import type { ProcessFaults } from './health/process-faults.ts';
import { foldHistory } from './history/fold-history.ts';
import { logIncidents } from './incidents/log-incidents.ts';
import { awaitOrg } from './ingest/await-org.ts';
import { type SubscribeContext, subscribe } from './ingest/subscribe.ts';
import { ensureSubscription } from './ingest/subscription-rows.ts';
import { watchTopic } from './ingest/watch-topic.ts';
import { retentionPolicy } from './maintenance/retention-policy.ts';
import { runMaintenance } from './maintenance/run-maintenance.ts';
import { type SweepContext, sweep } from './maintenance/sweep.ts';
import { closeBulkJobs } from './resync/bulk-pages.ts';
import { checkInvisibleAccounts } from './resync/deletion/check-invisible.ts';
import { requestInitialLoad } from './resync/initial-load.ts';
import { type Schedules, startSchedules } from './resync/schedules.ts';
import type { ResyncContext } from './resync/snapshot.ts';
import { startWorkers } from './resync/workers.ts';
import { backoffMs } from './salesforce/backoff.ts';
import type { Org } from './salesforce/org.ts';
import type { OrgConnection } from './salesforce/org-connection.ts';
import type { SchemaCache } from './salesforce/schema-cache.ts';
import type { Timing } from './timing.ts';
import { startWriteBack, type WriteBackTuning } from './write-back/start-write-back.ts';

// A stop as a whole has less than ten seconds.
const lastWorkMs = 4_000;

export type PipelineOptions = {
  readonly database: Database;
  readonly databaseUrl: string;
  /** This process among those that share the database. */
  readonly instance: Instance;
  /** The org may still be away: what needs it begins once it is there. */
  readonly salesforce: OrgConnection;
  readonly jobs: Jobs;
  readonly schemas: SchemaCache;
  readonly logger: Logger;
  /** What this process sees failing, for the verdict. */
  readonly faults: ProcessFaults;
  readonly topic: string;
  readonly codeField: string;
  readonly backfill: boolean;
  readonly codes?: CodeOptions;
  readonly writeBack?: WriteBackTuning;
  readonly replayPreset: 'latest' | 'earliest';
  readonly quietMs: number;
  /** From so many records on, a resync reads by a bulk job. */
  readonly bulkFrom: number;
  readonly timing: Timing;
  /** When the mirror is compared with Salesforce by itself. */
  readonly schedules?: Schedules;
  /** How long applied events stay; 0, or undefined, is for ever. */
  readonly eventRetentionDays?: number;
};

export type Pipeline = {
  /** Ends every stage after what it is doing; nothing is lost by stopping at any moment. */
  stop(): Promise<void>;
};

/**
 * The way of an event: subscribe → store → apply (with the codes) → write back. The stages meet at tables and wake
 * each other. Any number of processes do this on one database: one of them subscribes and applies, one writes back,
 * and resyncs and readings are taken by whichever is free.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { database, salesforce, topic, logger, jobs, schemas } = options;
  const { pool } = database;
  const subscription = await ensureSubscription(pool, topic, salesforce.org?.organizationId ?? null);
  const codes = codeRules({
    ...options.codes,
    field: options.codeField,
    backfill: options.backfill,
    newSince: wholeSecond(subscription.startedAt),
  });
  const stopping = new AbortController();
  const wakeUps = listenForWakeUps(options.databaseUrl, (error) =>
    logFailure(logger, error, 'the wake-up connection broke; polling every second'),
  );
  const shared = { pool, topic, codes, jobs, logger };
  const mirroring = holdLease({ ...options, ...shared }, wakeUps, stopping.signal, [
    async (lease, held) => {
      const following = { ...options, ...shared, lease, wakeUps };
      const org = await awaitOrg({ ...following, salesforce }, held);
      if (org !== undefined) await subscribe({ ...following, org } satisfies SubscribeContext, held);
    },
    (lease, held) => applyUntilStopped({ ...shared, schemas, lease, faults: options.faults }, wakeUps, held),
    (_, held) => logIncidents(shared, wakeUps, held),
  ]);
  await startSchedules(shared, options.schedules ?? {});
  const isUnread = subscription.loadedAt === null && subscription.readThroughAt === null;
  const begin = (org: Org): Promise<OrgWork> =>
    beginOrgWork({ ...options, ...shared, org }, isUnread, wakeUps, stopping.signal);
  const working =
    salesforce.org === undefined
      ? beginOnceOpen(salesforce, begin, logger, stopping.signal)
      : (await begin(salesforce.org)).ended;
  const housekeeping = runMaintenance(
    {
      pool,
      logger,
      retention: retentionPolicy(options.eventRetentionDays ?? 0),
      foldHistory: (order) => foldHistory(pool, order),
    },
    stopping.signal,
  );
  return {
    async stop() {
      stopping.abort();
      wakeUps.wakeAll();
      await jobs.takeNoMore().catch(() => {});
      // A lock that another process holds, or Salesforce, may be waited for: what is begun ends with its connection.
      await withTimeout(lastWorkMs, Promise.all([mirroring, working, housekeeping]));
      await wakeUps.close();
    },
  };
}

/** Salesforce's creation dates have no fractions of a second. */
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

/** The stages that ask Salesforce, but for the stream. */
type OrgWork = { readonly ended: Promise<unknown> };

type OrgWorkOptions = Omit<PipelineOptions, 'salesforce'> &
  Pick<ResyncContext, 'pool' | 'codes'> & { readonly org: Org };

async function beginOrgWork(
  options: OrgWorkOptions,
  needsLoad: boolean,
  wakeUps: WakeUps,
  stopping: AbortSignal,
): Promise<OrgWork> {
  const { pool, topic, codes, jobs, logger, org, schemas, bulkFrom, timing } = options;
  const shared = { pool, topic, codes, jobs, logger };
  const resyncs: ResyncContext = { ...shared, org, schemas, bulkFrom, settleMs: timing.settleMs };
  await startWorkers({ ...resyncs, timing, stopping });
  const writing = startWriteBack({ ...options, ...shared }, wakeUps, stopping);
  // The stream is open or being opened; only now is everything that exists read.
  if (needsLoad) await requestInitialLoad(pool, jobs);
  const watching = watchTopic(
    { ...shared, org, faults: options.faults },
    stopping,
    timing.codeFieldCheckIntervalMs,
  );
  const sweeping = sweepUntilStopped(resyncs, wakeUps, timing.sweepIntervalMs, stopping);
  return { ended: Promise.all([writing, sweeping, watching]) };
}

/** Never rejects. */
async function beginOnceOpen(
  salesforce: OrgConnection,
  begin: (org: Org) => Promise<OrgWork>,
  logger: Logger,
  stopping: AbortSignal,
): Promise<void> {
  const org = await salesforce.whenOpen(stopping);
  while (org !== undefined && !stopping.aborted) {
    try {
      await (await begin(org)).ended;
      return;
    } catch (error) {
      logFailure(logger, error, 'the work with Salesforce could not begin; retrying');
      await pause(1_000, undefined, { signal: stopping }).catch(() => {});
    }
  }
}

async function sweepUntilStopped(
  context: SweepContext & ResyncContext,
  wakeUps: WakeUps,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  const failed = (error: Error): void => logFailure(context.logger, error, 'a sweep failed');
  while (!signal.aborted) {
    await sweep(context).catch(failed);
    await closeBulkJobs(context).catch(failed);
    await checkInvisibleAccounts(context, signal).catch(failed);
    // A stop wakes this too. Who asks for a connection now has mended what kept a load from being done.
    await wakeUps.next('reconnect', intervalMs);
  }
}

// Mostly it is our own database that was away: it is used as soon as it is back.
const longestPauseMs = 3_000;
const soonMs = 50;

async function applyUntilStopped(
  context: ApplyContext & ApplyFaultContext,
  wakeUps: WakeUps,
  signal: AbortSignal,
): Promise<void> {
  const report = createApplyReporter(context);
  for (let failures = 0; !signal.aborted; ) {
    // Listen before looking: what is stored in between is not missed.
    const woken = wakeUps.next('apply', 1_000);
    try {
      // Neither holds the other up: what failed is thrown when both had their turn.
      const [stream] = await Promise.allSettled([applyWaiting(context)]);
      const webhooks = await applyWebhooks(context);
      if (stream.status === 'rejected') throw stream.reason;
      failures = 0;
      await report.succeeded();
      if (stream.value + webhooks.done > 0) continue;
      // A transaction that may be whole soon: nobody wakes us for that.
      await (webhooks.more ? pause(soonMs, undefined, { signal }).catch(() => {}) : woken);
    } catch (error) {
      failures++;
      await report.failed(error);
      const waitMs = Math.min(longestPauseMs, backoffMs('transient', failures, Math.random()));
      await pause(waitMs, undefined, { signal }).catch(() => {});
    }
  }
  report.end();
}
