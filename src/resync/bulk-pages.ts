import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../salesforce/backoff.ts';
import {
  abortBulkJob,
  type BulkJob,
  bulkFailure,
  bulkJobGone,
  createBulkJob,
  isRunning,
  isUnknownJob,
  listBulkJobs,
  readBulkJob,
} from '../salesforce/bulk-job.ts';
import { bulkQuery, bulkReader } from '../salesforce/bulk-plan.ts';
import { openBulkPage } from '../salesforce/bulk-results.ts';
import { badAnswer, SalesforceError } from '../salesforce/error.ts';
import type { AccountRead } from '../salesforce/records.ts';
import {
  endOfRead,
  type ResumePoint,
  readAbandonedBulkJobs,
  saveBulkJob,
  saveBulkJobClosed,
  saveBulkRequested,
  saveMethod,
} from './resync-rows.ts';
import { expectComplete, type Page, type RunningResync, SnapshotLostError } from './snapshot.ts';

// Each page of results is one request; its rows are streamed.
const pageRows = 20_000;
// Consecutive tries without a row before the job fails.
const maxFailures = 5;
const clockDifferenceMs = 10 * 60_000;

/**
 * Reads by one bulk job. The row has the job's id and the position in its results, so an interrupted read resumes.
 * @param where a SOQL condition, or null for all records
 * @param expected number of records that Salesforce counted
 * @throws SnapshotLostError if the job has no result; BulkRefusedError if the org or the user may not use the Bulk API
 */
export async function* readByBulkJob(
  run: RunningResync,
  where: string | null,
  expected: number,
): AsyncGenerator<Page> {
  const created = await findOrCreateJob(run, where).catch((error: unknown) => {
    const isRefused =
      error instanceof SalesforceError && error.failure === 'permission' && !error.duringSignIn;
    throw isRefused ? new BulkRefusedError(error) : error;
  });
  const job = await waitForResult(run, created);
  expectComplete(job.records, expected);
  const { prisma } = run.context;
  await saveMethod(prisma, run.row, 'bulk', job.records);
  let { read } = run.row;
  for await (const page of readResults(run, job.id)) {
    read += page.reads.length;
    yield page;
  }
  await saveBulkJobClosed(prisma, job.id);
  if (read !== job.records) {
    const message = `Bulk job ${job.id} has ${job.records} records, but its pages brought ${read}.`;
    throw new SnapshotLostError(badAnswer(message));
  }
}

/** No bulk job can be created. */
export class BulkRefusedError extends Error {
  override readonly cause: SalesforceError;

  constructor(cause: SalesforceError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** The job of an earlier try, even if its id was not received; else a new one. */
async function findOrCreateJob(run: RunningResync, where: string | null): Promise<BulkJob> {
  const { context, row, snapshot, callWithinBudget } = run;
  const { connection } = context.org;
  if (row.bulkJobId !== null) {
    const id = row.bulkJobId;
    const known = await callWithinBudget(() => readBulkJob(connection, id));
    if (known === undefined) throw new SnapshotLostError(bulkJobGone(id));
    return known;
  }
  const { soql, columns } = bulkQuery(snapshot.plan, row.id, where);
  const lost = row.bulkAskedAt === null ? undefined : await findLostJob(run, row.bulkAskedAt, columns);
  if (lost === undefined) await saveBulkRequested(context.prisma, row);
  const job = lost ?? (await callWithinBudget(() => createBulkJob(connection, soql)));
  await saveBulkJob(context.prisma, row, job.id);
  return job;
}

/** Finds a job that was created just before the process ended, by the order of its columns. */
async function findLostJob(
  run: RunningResync,
  askedAt: Date,
  columns: readonly string[],
): Promise<BulkJob | undefined> {
  const { context, callWithinBudget, signal } = run;
  const { connection, userId } = context.org;
  const since = new Date(askedAt.getTime() - clockDifferenceMs);
  const jobs = await callWithinBudget(() => listBulkJobs(connection, since));
  const own = jobs.filter(
    (job) => job.createdById === userId && job.object === 'Account' && job.operation === 'queryAll',
  );
  for (const job of own) {
    const ended = await waitForEnd(run, job);
    if (ended?.state !== 'JobComplete') continue;
    const page = await callWithinBudget(() =>
      openBulkPage(context.org, { jobId: job.id, locator: null, maxRecords: 1, signal }),
    );
    // The list of jobs has no record counts.
    if (page.columns.join() === columns.join())
      return callWithinBudget(() => readBulkJob(connection, job.id));
  }
  return undefined;
}

async function waitForEnd(
  { context, callWithinBudget, signal }: RunningResync,
  job: BulkJob,
): Promise<BulkJob | undefined> {
  let current: BulkJob | undefined = job;
  for (
    let waitMs = 100;
    current !== undefined && isRunning(current);
    waitMs = Math.min(5_000, waitMs * 1.5)
  ) {
    await pause(waitMs, undefined, { signal });
    current = await callWithinBudget(() => readBulkJob(context.org.connection, job.id));
  }
  return current;
}

async function waitForResult(run: RunningResync, job: BulkJob): Promise<BulkJob> {
  const ended = await waitForEnd(run, job);
  if (ended === undefined) throw new SnapshotLostError(bulkJobGone(job.id));
  if (ended.state === 'JobComplete') return ended;
  throw new SnapshotLostError(bulkFailure(ended));
}

const firstPage = 'first';

async function* readResults(run: RunningResync, jobId: string): AsyncGenerator<Page> {
  let resume: ResumePoint = { at: run.row.resumeAt ?? firstPage, rows: run.row.resumeRows };
  for (let failures = 0; resume.at !== endOfRead.at; ) {
    try {
      for await (const page of readBatches(run, jobId, resume)) {
        yield page;
        resume = page.resume;
        failures = 0;
      }
    } catch (error) {
      if (isUnknownJob(error)) throw new SnapshotLostError(bulkJobGone(jobId));
      const isRetryable =
        error instanceof SalesforceError && ['transient', 'unknown'].includes(error.failure);
      if (!isRetryable || ++failures >= maxFailures) throw error;
      run.context.logger.warn(
        { err: error, resync: run.row.id },
        'reading a page of bulk results failed; retrying',
      );
      await pause(backoffMs('transient', failures, Math.random()), undefined, { signal: run.signal });
    }
  }
}

/** The rest of one page, in batches; the last batch resumes at the next page. */
async function* readBatches(run: RunningResync, jobId: string, from: ResumePoint): AsyncGenerator<Page> {
  const { context, snapshot, callWithinBudget, signal } = run;
  const locator = from.at === firstPage || from.at === null ? null : from.at.slice(locatorMark.length);
  const page = await callWithinBudget(() =>
    openBulkPage(context.org, { jobId, locator, maxRecords: pageRows, signal }),
  );
  const toRead = bulkReader(page.columns, snapshot.plan);
  let at = 0;
  let reads: AccountRead[] = [];
  for await (const rows of page.rows) {
    for (const cells of rows) {
      at++;
      if (at <= from.rows) continue;
      // Not the last batch of the page: that one resumes at the next page.
      if (reads.length === context.bulkBatchRows) {
        yield { reads, absent: [], resume: { at: from.at, rows: at - 1 } };
        reads = [];
      }
      reads.push(toRead(cells));
    }
  }
  const resume = page.next === null ? endOfRead : { at: `${locatorMark}${page.next}`, rows: 0 };
  yield { reads, absent: [], resume };
}

const locatorMark = 'locator:';

/** Aborts the bulk jobs of resyncs that have ended. */
export async function closeBulkJobs({ prisma, org }: RunningResync['context']): Promise<void> {
  for (const jobId of await readAbandonedBulkJobs(prisma)) {
    await abortBulkJob(org.connection, jobId);
    await saveBulkJobClosed(prisma, jobId);
  }
}
