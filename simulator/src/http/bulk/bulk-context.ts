import type { Org } from '../../org/model.ts';
import type { SimulatorOptions } from '../../simulator-options.ts';
import { createRequestAllowance, type RequestAllowance } from '../request-allowance.ts';
import type { BulkFaults } from './bulk-job.ts';
import { type BulkJobs, createBulkJobs } from './bulk-jobs.ts';

/** The bulk side of an org: its jobs, and what a day of them may cost. */
export const createBulk = (org: Org, faults: BulkFaults, options: BulkOptions): BulkContext => {
  const { bulkCompression = false, bulkJobMs = 4, bulkPageRows = 50_000 } = options;
  const { dailyBulkQueryJobs = 10_000, now = Date.now } = options;
  return {
    faults,
    pageRows: bulkPageRows,
    isCompressed: bulkCompression,
    jobs: createBulkJobs({ org, faults, jobMs: bulkJobMs, now }),
    allowance: createRequestAllowance(dailyBulkQueryJobs, now),
    storage: createRequestAllowance(976_562, now),
  };
};

export type BulkContext = {
  readonly jobs: BulkJobs;
  readonly faults: BulkFaults;
  /** Rows of a page for which no `maxRecords` is told. */
  readonly pageRows: number;
  /** Whether results come in gzip. */
  readonly isCompressed: boolean;
  /** Query jobs a day. */
  readonly allowance: RequestAllowance;
  /** Megabytes of results a day, counted as they are sent. */
  readonly storage: RequestAllowance;
};

type BulkOptions = Pick<
  SimulatorOptions,
  'bulkCompression' | 'bulkJobMs' | 'bulkPageRows' | 'dailyBulkQueryJobs' | 'now'
>;
