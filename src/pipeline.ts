import { applyUntilAborted } from './apply/apply-loop.ts';
import { type CodeSettings, codeRules } from './codes/code-rules.ts';
import type { AppContext, OrgContext } from './context.ts';
import { type LeaderWork, runAsLeader } from './db/leader.ts';
import { logFailure } from './db/log-failure.ts';
import type { Egress } from './egress/egress.ts';
import { watchFields } from './fields/watch-fields.ts';
import type { Verdict } from './health/verdict.ts';
import { logIncidents } from './incidents/log-incidents.ts';
import { followTopic } from './ingest/follow-topic.ts';
import { ensureSubscription } from './ingest/subscription-rows.ts';
import { watchTopic } from './ingest/watch-topic.ts';
import { runMaintenance } from './maintenance/run-maintenance.ts';
import { sweepUntilAborted } from './maintenance/sweep.ts';
import { keepIndexes } from './mirror/maintain-indexes.ts';
import { updateTextsUntilAborted } from './mirror/update-account-texts.ts';
import { watchMirror } from './mirror/watch-mirror.ts';
import type { NotifyOptions } from './operations/notify.ts';
import { watchHealth } from './operations/watch-health.ts';
import { type Schedules, startSchedules } from './resync/schedules.ts';
import { startWorkers } from './resync/workers.ts';
import { sleep, untilAborted, withTimeout } from './run-loop.ts';
import { writeBackUntilAborted } from './write-back/run-write-back.ts';

// Part of the ten seconds that a graceful shutdown may take.
const stopTimeoutMs = 4_000;
const retryMs = 1_000;

export type PipelineOptions = Omit<AppContext, 'codes'> & {
  readonly codeSettings: CodeSettings;
  /** Schedules of the automatic comparisons with Salesforce and of reads of calculated fields. */
  readonly schedules: Schedules;
  /** Paths of the fields that accounts may be filtered by. */
  readonly indexedFields: readonly string[];
  readonly send: Egress['send'];
  /** Receivers of notifications. */
  readonly notify: NotifyOptions;
  health(): Promise<Verdict>;
};

export type Pipeline = {
  /** Ends every stage after its current step. Stopping at any moment loses no data. */
  stop(): Promise<void>;
};

/**
 * Starts the stages that an event passes: ingest → apply (with the codes) → write-back. They communicate by tables and
 * wake-ups. Any number of processes can run this on one database: the leader runs the stages, and every process works
 * on the job queue of resyncs and re-reads.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { pool, topic, salesforce, jobs, codeSettings, schedules, indexedFields } = options;
  const subscription = await ensureSubscription(pool, topic, salesforce.org?.organizationId ?? null);
  const codes = codeRules({ ...codeSettings, newSince: subscription.startedAt });
  const context: AppContext = { ...options, codes };
  const stopping = new AbortController();
  const { signal } = stopping;
  let leads = false;
  const leading = runAsLeader(
    context,
    [
      async (_, signal) => {
        leads = true;
        await untilAborted(signal);
        // No other process can lead while the database is unreachable.
        leads = options.faults.list().some(({ area }) => area === 'database');
      },
      ({ lease }, signal) => followTopic({ ...context, lease }, signal),
      ({ lease }, signal) => applyUntilAborted({ ...context, lease }, signal),
      (_, signal) => logIncidents(context, signal),
      (_, signal) => runMaintenance(context, signal),
      (_, signal) => updateTextsUntilAborted(context, signal),
      (_, signal) => watchMirror(context, signal),
      (_, signal) => keepIndexes({ ...context, fields: indexedFields }, signal),
      whenSignedIn(context, (org, { isLockConfirmed }, signal) =>
        writeBackUntilAborted(org, isLockConfirmed, signal),
      ),
      whenSignedIn(context, (org, _, signal) => sweepUntilAborted(org, signal)),
      whenSignedIn(context, (org, _, signal) => watchTopic(org, signal)),
      whenSignedIn(context, (org, _, signal) => watchFields(org, signal)),
    ],
    signal,
  );
  const watching = watchHealth({ ...options, isLeader: () => leads }, signal);
  await startSchedules(context, schedules);
  const working = startWorkersWhenSignedIn(context, signal);
  return {
    async stop() {
      stopping.abort();
      await jobs.stopFetching().catch(() => {});
      // Work that still waits for the database or Salesforce ends when its connection is closed.
      await withTimeout(stopTimeoutMs, Promise.all([leading, working, watching]));
    },
  };
}

/** Delays work of the leader until the process has signed in to Salesforce. */
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
      logFailure(context.logger, error, 'starting the resync workers failed; retrying');
      await sleep(retryMs, signal);
    }
  }
}
