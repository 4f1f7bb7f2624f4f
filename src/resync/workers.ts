import type { Job, JobWithMetadata } from 'pg-boss';
import { type AccountJob, queues, type ResyncJob } from '../db/jobs.ts';
import { logFailure } from '../db/log-failure.ts';
import { failureCause } from '../health/failure-cause.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import type { Timing } from '../timing.ts';
import { saveResyncError } from './finish-resync.ts';
import { rereadAccounts, runResync } from './run-resync.ts';
import type { ResyncContext } from './snapshot.ts';

export type WorkerContext = ResyncContext & {
  readonly stopping: AbortSignal;
  readonly timing: Pick<Timing, 'jobPollIntervalMs'>;
};

/** Takes jobs from the queue for as long as the queue runs. */
export async function startWorkers(context: WorkerContext): Promise<void> {
  const { boss } = context.jobs;
  const polling = {
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: context.timing.jobPollIntervalMs / 1_000,
  };
  const runResyncs = (queue: string): Promise<string> =>
    boss.work(queue, { ...polling, includeMetadata: true }, (jobs: JobWithMetadata<ResyncJob>[]) =>
      carryOut(context, jobs[0]),
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

async function carryOut(context: WorkerContext, job: JobWithMetadata<ResyncJob> | undefined): Promise<void> {
  if (job === undefined) return;
  const { resyncId } = job.data;
  let last = false;
  try {
    await runResync(context, resyncId, context.stopping, async (claim, error) => {
      // Another process goes on, or this one after its next start.
      if (context.stopping.aborted) return;
      const isLast = isHopeless(error) || job.retryCount >= job.retryLimit;
      await saveResyncError(context.pool, claim, failureCause(error), isLast);
      const { code, action } = failureCause(error);
      logFailure(context.logger, error, 'resync failed', { resync: resyncId, last: isLast, code, action });
      last = isLast;
    });
  } catch (error) {
    if (!last) throw error;
  }
}

/** A person has to do something first; trying again would only ask the same of Salesforce. */
function isHopeless(error: unknown): boolean {
  // Signing in is tried again for as long as it takes.
  if (!(error instanceof SalesforceError) || error.duringSignIn) return false;
  // What came without a code of Salesforce's own may be the answer of something in between.
  return ['config', 'permission', 'bug'].includes(error.failure) && !error.code.startsWith('ERROR_HTTP_');
}
