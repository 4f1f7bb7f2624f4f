import type { Caller, Org } from '../../org/model.ts';
import { mintId, toLongId } from '../../org/record-id.ts';
import type { BulkFaults } from './bulk-job.ts';
import { type BulkJob, type BulkJobInfo, isUnfinished } from './bulk-job.ts';
import { createJobLife } from './job-life.ts';

/**
 * The bulk query jobs of an org. They live in memory and are gone with the process, as any job may be gone:
 * clients have to cope with that. What clients asked for is logged apart from them.
 */
export const createBulkJobs = ({ faults, jobMs, now, org }: BulkJobsOptions): BulkJobs => {
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
    create: (request, caller) => {
      const job = newJob(mintId('750', ++lastOrdinal), request, caller, now());
      jobs.set(job.info.id, job);
      log.push(job.info);
      if (log.length > 2 * maxLogged) log = log.slice(-maxLogged);
      life.begin(job, (jobMs + faults.delayMs(job.info)) / 2);
      return job.info;
    },
    find: (id) => {
      dropExpired();
      return jobs.get(toLongId(id) ?? id);
    },
    newestFirst: () => {
      dropExpired();
      return [...jobs.values()].map(({ info }) => info).reverse();
    },
    abort: life.abort,
    remove,
    removeAll: () => {
      const count = jobs.size;
      for (const job of jobs.values()) remove(job);
      return count;
    },
    countPage: (job) => {
      job.info.pages += 1;
      if (job.pagesToLive !== null && job.info.pages >= job.pagesToLive) remove(job);
    },
    log: (client) =>
      log
        .slice(-maxLogged)
        .filter((entry) => client === undefined || entry.client === client)
        .map((entry) => ({ ...entry })),
    clearLog: () => {
      log = [];
    },
    close: () => {
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

/** The oldest finished jobs, as many as there are jobs or rows more than memory is for; never the newest. */
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

export type BulkJobs = {
  /** A job that runs by itself from now on. */
  create(request: BulkRequest, caller: Caller): BulkJobInfo;
  find(id: string): BulkJob | undefined;
  newestFirst(): readonly BulkJobInfo[];
  abort(job: BulkJob): void;
  remove(job: BulkJob): void;
  /** Every job is gone at once; says how many there were. */
  removeAll(): number;
  /** Says that a page of the result is being sent. */
  countPage(job: BulkJob): void;
  /** Every job that was ever created, oldest first, as it is now or as it was last; the newest 10,000. */
  log(client?: string): readonly BulkJobInfo[];
  clearLog(): void;
  /** Unfinished jobs stop where they are. */
  close(): void;
};

type BulkJobsOptions = {
  readonly org: Pick<Org, 'fields' | 'record' | 'records'>;
  readonly faults: BulkFaults;
  /** How long a job takes, half of it waiting. */
  readonly jobMs: number;
  readonly now: () => number;
};
