import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../salesforce/backoff.ts';
import {
  abortBulkJob,
  type BulkJob,
  bulkFailure,
  bulkJobGone,
  createBulkJob,
  isUnderWay,
  isUnknown,
  listBulkJobs,
  readBulkJob,
} from '../salesforce/bulk-job.ts';
import { bulkQuery, readBulkRow } from '../salesforce/bulk-plan.ts';
import { openBulkPage } from '../salesforce/bulk-results.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Page, RunningResync } from './reading.ts';
import { expectComplete, ReadingLostError } from './reading-lost-error.ts';
import {
  endOfRead,
  type ResumePoint,
  readAbandonedBulkJobs,
  saveBulkJob,
  saveBulkJobClosed,
  saveBulkRequested,
  saveMethod,
} from './resync-rows.ts';

// Rows of one page of results: each page is a request to Salesforce, streamed.
const pageRows = 20_000;
/** Rows that are merged in one transaction. */
const batchRows = 500;
// Tries in a row without a row read before the job is left to its next try.
const maxFailures = 5;
const clockDifferenceMs = 10 * 60_000;

/**
 * Reads by one bulk job, however often it is interrupted: the job's id and the place in its results are on record.
 * @param where a SOQL condition, or null for all records
 * @param expected how many records Salesforce has counted
 * @throws SalesforceError where the job ended without a result; where another job may succeed, the reading begins anew
 */
export async function* readByBulkJob(
  run: RunningResync,
  where: string | null,
  expected: number,
): AsyncGenerator<Page> {
  const job = await whenComplete(run, await jobOf(run, where));
  expectComplete(job.records, expected);
  const { pool } = run.context;
  await saveMethod(pool, run.row, 'bulk', job.records);
  let { read } = run.row;
  for await (const page of resultPages(run, job.id)) {
    read += page.reads.length;
    yield page;
  }
  await saveBulkJobClosed(pool, job.id);
  if (read !== job.records) {
    const message = `Bulk job ${job.id} has ${job.records} records, but its pages brought ${read}.`;
    throw new ReadingLostError(new SalesforceError(message, 'BAD_ANSWER', 'transient'));
  }
}

/** The job of an earlier try, also one whose id got lost on its way to us; else a new one. */
async function jobOf(run: RunningResync, where: string | null): Promise<BulkJob> {
  const { context, row, reading, callWithinBudget } = run;
  const { connection } = context.org;
  if (row.bulkJobId !== null) {
    const id = row.bulkJobId;
    const known = await callWithinBudget(() => readBulkJob(connection, id));
    if (known === undefined) throw new ReadingLostError(bulkJobGone(id));
    return known;
  }
  const { soql, columns } = bulkQuery(reading.plan, row.id, where);
  const lost = row.bulkAskedAt === null ? undefined : await findLost(run, row.bulkAskedAt, columns);
  if (lost === undefined) await saveBulkRequested(context.pool, row);
  const job = lost ?? (await callWithinBudget(() => createBulkJob(connection, soql)));
  await saveBulkJob(context.pool, row, job.id);
  return job;
}

/** A job that was created just before the process died: known by the order of its columns. */
async function findLost(
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
    const ended = await endOf(run, job);
    if (ended?.state !== 'JobComplete') continue;
    const page = await callWithinBudget(() =>
      openBulkPage(connection, { jobId: job.id, locator: null, maxRecords: 1, signal }),
    );
    // A list does not say how many records its jobs have.
    if (page.columns.join() === columns.join())
      return callWithinBudget(() => readBulkJob(connection, job.id));
  }
  return undefined;
}

/** Waits for the end of a job. */
async function endOf(
  { context, callWithinBudget, signal }: RunningResync,
  job: BulkJob,
): Promise<BulkJob | undefined> {
  let current: BulkJob | undefined = job;
  for (
    let waitMs = 100;
    current !== undefined && isUnderWay(current);
    waitMs = Math.min(5_000, waitMs * 1.5)
  ) {
    await pause(waitMs, undefined, { signal });
    current = await callWithinBudget(() => readBulkJob(context.org.connection, job.id));
  }
  return current;
}

async function whenComplete(run: RunningResync, job: BulkJob): Promise<BulkJob> {
  const ended = await endOf(run, job);
  if (ended === undefined) throw new ReadingLostError(bulkJobGone(job.id));
  if (ended.state === 'JobComplete') return ended;
  throw new ReadingLostError(bulkFailure(ended));
}

const firstPage = 'first';

async function* resultPages(run: RunningResync, jobId: string): AsyncGenerator<Page> {
  let place: ResumePoint = { at: run.row.resumeAt ?? firstPage, rows: run.row.resumeRows };
  for (let failures = 0; place.at !== endOfRead.at; ) {
    try {
      for await (const page of batchesFrom(run, jobId, place)) {
        yield page;
        place = page.resume;
        failures = 0;
      }
    } catch (error) {
      if (isUnknown(error)) throw new ReadingLostError(bulkJobGone(jobId));
      const again = error instanceof SalesforceError && ['transient', 'unknown'].includes(error.failure);
      if (!again || ++failures >= maxFailures) throw error;
      run.context.logger.warn({ err: error, resync: run.row.id }, 'a page of bulk results is read again');
      await pause(backoffMs('transient', failures, Math.random()), undefined, { signal: run.signal });
    }
  }
}

/** The rest of one page, in batches; the last one points behind the page. */
async function* batchesFrom(run: RunningResync, jobId: string, from: ResumePoint): AsyncGenerator<Page> {
  const { context, reading, callWithinBudget, signal } = run;
  const locator = from.at === firstPage || from.at === null ? null : from.at.slice(locatorMark.length);
  const page = await callWithinBudget(() =>
    openBulkPage(context.org.connection, { jobId, locator, maxRecords: pageRows, signal }),
  );
  let at = 0;
  let batch: (readonly string[])[] = [];
  const toPage = (resume: ResumePoint): Page => {
    const reads = batch.map((cells) => readBulkRow(page.columns, cells, reading.plan));
    batch = [];
    return { reads, absent: [], resume };
  };
  for await (const cells of page.rows) {
    at++;
    if (at <= from.rows) continue;
    // Only what is known not to be the page's last batch: behind that one the place is another page.
    if (batch.length === batchRows) yield toPage({ at: from.at, rows: at - 1 });
    batch.push(cells);
  }
  yield toPage(page.next === null ? endOfRead : { at: `${locatorMark}${page.next}`, rows: 0 });
}

const locatorMark = 'locator:';

/** Ends the bulk jobs that nobody reads any more. */
export async function closeBulkJobs({ pool, org }: RunningResync['context']): Promise<void> {
  for (const jobId of await readAbandonedBulkJobs(pool)) {
    await abortBulkJob(org.connection, jobId);
    await saveBulkJobClosed(pool, jobId);
  }
}
