import type { JobWithMetadata, WorkOptions } from 'pg-boss';
import type { OrgContext } from '../context.ts';
import { type AccountJob, queues, type ResyncJob } from '../db/jobs.ts';
import { logFailure } from '../db/log-failure.ts';
import { failureCause } from '../health/failure-cause.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import { saveResyncError } from './finish-resync.ts';
import { rereadAccounts, runResync } from './run-resync.ts';
import type { ResyncContext } from './snapshot.ts';
import { isPermanent } from './within-budget.ts';

/** Starts the workers of the job queue; they end with the queue. */
export async function startWorkers(app: OrgContext, stopping: AbortSignal): Promise<void> {
  const { boss } = app.jobs;
  const context: WorkerContext = { ...app, settleMs: app.timing.settleMs, stopping };
  const polling = {
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: app.timing.jobPollIntervalMs / 1_000,
  };
  // Notifications of several jobs wake a worker once. It fetches again after each job, until its queue is empty.
  const work = async <T>(
    queue: string,
    options: WorkOptions,
    run: (jobs: JobWithMetadata<T>[]) => Promise<void>,
  ): Promise<void> => {
    const worker: { id?: string } = {};
    const withMetadata = { ...polling, ...options, includeMetadata: true } as const;
    worker.id = await boss.work(queue, withMetadata, async (jobs: JobWithMetadata<T>[]) => {
      await run(jobs).finally(() => worker.id !== undefined && boss.notifyWorker(worker.id));
    });
  };
  const runResyncs = (queue: string): Promise<void> =>
    work<ResyncJob>(queue, {}, ([job]) => runJob(context, job));
  await Promise.all([
    work<AccountJob>(queues.reread, { batchSize: maxBatch }, (batch) =>
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
