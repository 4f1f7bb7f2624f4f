import type { Org } from '../../org/model.ts';
import type { SimulatorOptions } from '../../simulator-options.ts';
import { createRequestAllowance, type RequestAllowance } from '../request-allowance.ts';
import type { BulkFaults } from './bulk-job.ts';
import { type BulkJobs, createBulkJobs } from './bulk-jobs.ts';

/** The bulk query jobs of an org and their daily limits. */
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
  /** Rows of a page without `maxRecords`. */
  readonly pageRows: number;
  /** Whether results are compressed by gzip. */
  readonly isCompressed: boolean;
  /** Daily limit of query jobs. */
  readonly allowance: RequestAllowance;
  /** Daily limit of results in megabytes, counted when they are sent. */
  readonly storage: RequestAllowance;
};

type BulkOptions = Pick<
  SimulatorOptions,
  'bulkCompression' | 'bulkJobMs' | 'bulkPageRows' | 'dailyBulkQueryJobs' | 'now'
>;
