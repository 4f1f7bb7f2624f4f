import type { BulkJobInfo } from './bulk-job.ts';

/** A job as the answer to its creation and the list of jobs show it. */
export const jobJson = (job: BulkJobInfo) => ({
  id: job.id,
  operation: job.operation,
  object: 'Account',
  createdById: job.userId,
  createdDate: timeText(job.createdAt),
  systemModstamp: timeText(job.modifiedAt),
  state: job.state,
  concurrencyMode: 'Parallel',
  contentType: 'CSV',
  apiVersion: Number(job.apiVersion),
  lineEnding: job.lineEnding,
  columnDelimiter: 'COMMA',
});

export const listedJobJson = (job: BulkJobInfo) => ({ ...jobJson(job), jobType: 'V2Query' });

/** A job asked for by its id. */
export const wholeJobJson = (job: BulkJobInfo) => ({
  ...listedJobJson(job),
  numberRecordsProcessed: job.rows,
  retries: 0,
  totalProcessingTime: job.processingMs,
  isPkChunkingSupported: true,
  ...(job.errorMessage !== null && { errorMessage: job.errorMessage }),
});

const timeText = (time: number): string => new Date(time).toISOString().replace('Z', '+0000');
