import { applyUntilAborted } from './apply/apply-loop.ts';
import { type CodeSettings, codeRules } from './codes/code-rules.ts';
import type { AppContext, OrgContext } from './context.ts';
import { type LeaderWork, runAsLeader } from './db/leader.ts';
import { logFailure } from './db/log-failure.ts';
import { maintainIndexes } from './db/maintain-indexes.ts';
import { withTimeout } from './db/with-timeout.ts';
import { logIncidents } from './incidents/log-incidents.ts';
import { followTopic } from './ingest/follow-topic.ts';
import { ensureSubscription } from './ingest/subscription-rows.ts';
import { watchTopic } from './ingest/watch-topic.ts';
import { runMaintenance } from './maintenance/run-maintenance.ts';
import { sweepUntilAborted } from './maintenance/sweep.ts';
import { type Schedules, startSchedules } from './resync/schedules.ts';
import { startWorkers } from './resync/workers.ts';
import { sleep, untilAborted } from './run-loop.ts';
import { writeBackUntilAborted } from './write-back/run-write-back.ts';

// A stop as a whole has less than ten seconds.
const stopTimeoutMs = 4_000;
const retryMs = 1_000;

export type PipelineOptions = Omit<AppContext, 'codes'> & {
  readonly codeSettings: CodeSettings;
  /** When the mirror is compared with Salesforce automatically. */
  readonly schedules: Schedules;
  /** Paths of the fields that accounts may be filtered by. */
  readonly indexedFields: readonly string[];
};

export type Pipeline = {
  /** Ends every stage after what it is doing; nothing is lost by stopping at any moment. */
  stop(): Promise<void>;
};

/**
 * The path of an event: ingest → apply (with the codes) → write-back. The stages meet at tables and wake each other.
 * Any number of processes run this on one database: one leads and does what only one may do, and each of them takes
 * resyncs and re-reads from the job queue.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { pool, topic, salesforce, jobs, codeSettings, schedules, indexedFields } = options;
  const subscription = await ensureSubscription(pool, topic, salesforce.org?.organizationId ?? null);
  const newSince = wholeSecond(subscription.startedAt);
  const context: AppContext = { ...options, codes: codeRules({ ...codeSettings, newSince }) };
  const stopping = new AbortController();
  const { signal } = stopping;
  const leading = runAsLeader(
    context,
    [
      ({ lease }, held) => followTopic({ ...context, lease }, held),
      ({ lease }, held) => applyUntilAborted({ ...context, lease }, held),
      (_, held) => logIncidents(context, held),
      (_, held) => runMaintenance(context, held),
      (_, held) =>
        maintainIndexes({ ...context, fields: indexedFields }, held).then(() => untilAborted(held)),
      whenSignedIn(context, (org, { isSure }, held) => writeBackUntilAborted(org, isSure, held)),
      whenSignedIn(context, (org, _, held) => sweepUntilAborted(org, held)),
      whenSignedIn(context, (org, _, held) => watchTopic(org, held)),
    ],
    signal,
  );
  await startSchedules(context, schedules);
  const working = startWorkersWhenSignedIn(context, signal);
  return {
    async stop() {
      stopping.abort();
      await jobs.takeNoMore().catch(() => {});
      // The database or Salesforce may be waited for: what is begun ends with its connection.
      await withTimeout(stopTimeoutMs, Promise.all([leading, working]));
    },
  };
}

/** Salesforce's creation dates have no fractions of a second. */
function wholeSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

/** Work of the leader that begins when the process has signed in to Salesforce. */
function whenSignedIn(
  context: AppContext,
  work: (context: OrgContext, ...rest: Parameters<LeaderWork>) => Promise<void>,
): LeaderWork {
  return async (leadership, signal) => {
    const org = await context.salesforce.whenOpen(signal);
    if (org !== undefined) await work({ ...context, org }, leadership, signal);
  };
}

/** Never rejects. */
async function startWorkersWhenSignedIn(context: AppContext, signal: AbortSignal): Promise<void> {
  const org = await context.salesforce.whenOpen(signal);
  while (org !== undefined && !signal.aborted) {
    try {
      return await startWorkers({ ...context, org }, signal);
    } catch (error) {
      logFailure(context.logger, error, 'the work on resyncs could not start; retrying');
      await sleep(retryMs, signal);
    }
  }
}
