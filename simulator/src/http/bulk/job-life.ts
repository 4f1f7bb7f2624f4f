import { QueryError } from '../soql/query-error.ts';
import type { QueriedOrg } from '../soql/run-query.ts';
import type { BulkFaults } from './bulk-job.ts';
import { type BulkJob, type BulkJobState, isUnfinished } from './bulk-job.ts';
import { bulkRows } from './bulk-rows.ts';

/** The transitions of jobs: each waits, reads all rows at one time, and completes or fails. */
export const createJobLife = ({ completed, faults, now, org }: JobLifeOptions) => {
  const enter = (job: BulkJob, state: BulkJobState, errorMessage: string | null = null): void => {
    const { info } = job;
    const time = now();
    if (info.state === 'InProgress') info.processingMs = Math.max(1, time - info.modifiedAt);
    Object.assign(info, { state, errorMessage, modifiedAt: time });
    if (state !== 'JobComplete' && !isUnfinished(state)) job.result = undefined;
  };

  const readRows = (job: BulkJob): void => {
    const { operation, query } = job.info;
    try {
      const result = bulkRows(org, query, { includeDeleted: operation === 'queryAll', now: now() });
      job.result = faults.isResultEmpty(job.info) ? { ...result, records: [] } : result;
      job.info.rows = job.result.records.length;
      enter(job, 'InProgress');
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      enter(job, 'Failed', `${error.errorCode}: ${error.message.trim()}`);
    }
  };

  const finish = (job: BulkJob): void => {
    const errorMessage = faults.errorMessage(job.info);
    if (errorMessage !== undefined) enter(job, 'Failed', errorMessage);
    else if (faults.isAborted(job.info)) enter(job, 'Aborted');
    else {
      enter(job, 'JobComplete');
      completed(job);
    }
  };

  /** A held job stops here until `resume`. */
  const advance = (job: BulkJob, stepMs: number): void => {
    job.timer = undefined;
    const { state } = job.info;
    if (!isUnfinished(state) || faults.isHeld(job.info, state)) return;
    if (state === 'InProgress') finish(job);
    else readRows(job);
    if (isUnfinished(job.info.state)) begin(job, stepMs);
  };

  /** `stepMs` is the time in each unfinished state. */
  const begin = (job: BulkJob, stepMs: number): void => {
    job.timer = setTimeout(advance, stepMs, job, stepMs).unref();
  };

  return {
    begin,
    /** Continues a held job. */
    resume: (job: BulkJob): void => {
      if (isUnfinished(job.info.state) && job.timer === undefined) begin(job, 0);
    },
    abort: (job: BulkJob): void => {
      clearTimeout(job.timer);
      enter(job, 'Aborted');
    },
  };
};

type JobLifeOptions = {
  readonly org: QueriedOrg;
  readonly faults: BulkFaults;
  readonly now: () => number;
  /** Called with every job that has completed. */
  readonly completed: (job: BulkJob) => void;
};
