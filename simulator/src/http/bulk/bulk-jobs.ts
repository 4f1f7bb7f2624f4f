import type { Caller } from '../../org/model.ts';
import { mintId, toLongId } from '../../org/record-id.ts';
import type { QueriedOrg } from '../soql/run-query.ts';
import type { BulkFaults } from './bulk-job.ts';
import { type BulkJob, type BulkJobInfo, isUnfinished } from './bulk-job.ts';
import { createJobLife } from './job-life.ts';

/**
 * The bulk query jobs of an org, in memory: they are lost at a restart, which clients must handle. A separate log
 * records what clients requested.
 */
export const createBulkJobs = ({ faults, jobMs, now, org }: BulkJobsOptions) => {
  const jobs = new Map<string, BulkJob>();
  let log: BulkJob['info'][] = [];
  let lastOrdinal = 0;

  const remove = (job: BulkJob): void => {
    clearTimeout(job.timer);
    job.info.isGone = true;
    jobs.delete(job.info.id);
  };

  const life = createJobLife({
    org,
    faults,
    now,
    completed: (job) => {
      job.pagesToLive = faults.pagesToLive(job.info) ?? null;
      if (job.pagesToLive === 0) remove(job);
      for (const old of surplus(jobs.values())) remove(old);
    },
  });
  faults.onRelease(() => {
    for (const job of jobs.values()) life.resume(job);
  });

  const dropExpired = (): void => {
    for (const job of jobs.values()) if (now() - job.info.createdAt >= resultLifetimeMs) remove(job);
  };

  return {
    /** Creates a job and starts it. */
    create: (request: BulkRequest, caller: Caller): BulkJobInfo => {
      const job = newJob(mintId('750', ++lastOrdinal), request, caller, now());
      jobs.set(job.info.id, job);
      log.push(job.info);
      if (log.length > 2 * maxLogged) log = log.slice(-maxLogged);
      life.begin(job, (jobMs + faults.delayMs(job.info)) / 2);
      return job.info;
    },
    find: (id: string): BulkJob | undefined => {
      dropExpired();
      return jobs.get(toLongId(id) ?? id);
    },
    newestFirst: (): readonly BulkJobInfo[] => {
      dropExpired();
      return [...jobs.values()].map(({ info }) => info).reverse();
    },
    abort: life.abort,
    remove,
    /** Removes every job and returns their number. */
    removeAll: (): number => {
      const count = jobs.size;
      for (const job of jobs.values()) remove(job);
      return count;
    },
    /** Counts a page of the result that is being sent. */
    countPage: (job: BulkJob): void => {
      job.info.pages += 1;
      if (job.pagesToLive !== null && job.info.pages >= job.pagesToLive) remove(job);
    },
    /** The newest 10,000 jobs, oldest first, in their current or last state. */
    log: (client?: string): readonly BulkJobInfo[] =>
      log
        .slice(-maxLogged)
        .filter((entry) => client === undefined || entry.client === client)
        .map((entry) => ({ ...entry })),
    clearLog: (): void => {
      log = [];
    },
    /** Stops unfinished jobs. */
    close: (): void => {
      for (const { timer } of jobs.values()) clearTimeout(timer);
    },
  };
};

const newJob = (id: string, request: BulkRequest, caller: Caller, createdAt: number): BulkJob => {
  const { apiVersion, client, userId } = caller;
  const origin = { id, ...request, apiVersion, userId, client, createdAt };
  const nothingDone = { errorMessage: null, rows: 0, processingMs: 0, pages: 0, isGone: false };
  const info = { ...origin, modifiedAt: createdAt, state: 'UploadComplete' as const, ...nothingDone };
  return { info, result: undefined, pagesToLive: null, timer: undefined };
};

/** The oldest finished jobs beyond the limits of jobs and rows; never the newest job. */
const surplus = (all: Iterable<BulkJob>): BulkJob[] => {
  const jobs = [...all];
  let count = jobs.length;
  let rows = jobs.reduce((sum, { info }) => sum + info.rows, 0);
  return jobs.slice(0, -1).filter(({ info }) => {
    if ((count <= maxJobs && rows <= maxRows) || isUnfinished(info.state)) return false;
    count -= 1;
    rows -= info.rows;
    return true;
  });
};

/** Salesforce keeps results for seven days. */
const resultLifetimeMs = 7 * 86_400_000;
const maxJobs = 1000;
const maxRows = 20_000_000;
const maxLogged = 10_000;

export type BulkRequest = Pick<BulkJobInfo, 'operation' | 'query' | 'lineEnding'>;

export type BulkJobs = ReturnType<typeof createBulkJobs>;

type BulkJobsOptions = {
  readonly org: QueriedOrg;
  readonly faults: BulkFaults;
  /** Duration of a job, half of it waiting. */
  readonly jobMs: number;
  readonly now: () => number;
};
