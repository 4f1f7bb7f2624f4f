import type { Job, JobWithMetadata } from 'pg-boss';
import type { OrgContext } from '../context.ts';
import { type AccountJob, queues, type ResyncJob } from '../db/jobs.ts';
import { logFailure } from '../db/log-failure.ts';
import { failureCause } from '../health/failure-cause.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import { saveResyncError } from './finish-resync.ts';
import { rereadAccounts, runResync } from './run-resync.ts';
import type { ResyncContext } from './snapshot.ts';

/** Starts the workers of the job queue; they end with the queue. */
export async function startWorkers(app: OrgContext, stopping: AbortSignal): Promise<void> {
  const { boss } = app.jobs;
  const context: WorkerContext = { ...app, settleMs: app.timing.settleMs, stopping };
  const polling = {
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: app.timing.jobPollIntervalMs / 1_000,
  };
  const runResyncs = (queue: string): Promise<string> =>
    boss.work(queue, { ...polling, includeMetadata: true }, (jobs: JobWithMetadata<ResyncJob>[]) =>
      runJob(context, jobs[0]),
    );
  await Promise.all([
    boss.work(queues.reread, { ...polling, batchSize: maxBatch }, (batch: Job<AccountJob>[]) =>
      rereadAccounts(
        context,
        batch.map(({ data }) => data.accountId),
        context.stopping,
      ),
    ),
    runResyncs(queues.resync),
    runResyncs(queues.fullResync),
  ]);
}

type WorkerContext = ResyncContext & { readonly stopping: AbortSignal };

async function runJob(context: WorkerContext, job: JobWithMetadata<ResyncJob> | undefined): Promise<void> {
  if (job === undefined) return;
  const { resyncId } = job.data;
  let hasEnded = false;
  try {
    await runResync(context, resyncId, context.stopping, async (claim, error) => {
      // Another process, or this one after a restart, resumes the resync.
      if (context.stopping.aborted) return;
      const isLast = isPermanent(error) || job.retryCount >= job.retryLimit;
      const cause = failureCause(error);
      await saveResyncError(context.pool, claim, cause, isLast);
      const { code, action } = cause;
      logFailure(context.logger, error, 'resync failed', { resync: resyncId, last: isLast, code, action });
      hasEnded = isLast;
    });
  } catch (error) {
    if (!hasEnded) throw error;
  }
}

/** Whether retries cannot succeed until an operator has acted. */
function isPermanent(error: unknown): boolean {
  // Failures of the sign-in are always retried.
  if (!(error instanceof SalesforceError) || error.duringSignIn) return false;
  // A response without a Salesforce error code may come from a proxy.
  return ['config', 'permission', 'bug'].includes(error.failure) && !error.code.startsWith('ERROR_HTTP_');
}
