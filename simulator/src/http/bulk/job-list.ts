import { ApiError } from '../api-error.ts';
import { timeText } from '../record-json.ts';
import type { BulkJobInfo } from './bulk-job.ts';

/** A page of the list of jobs, newest first, and the locator of the next page. */
export const listPage = (jobs: readonly BulkJobInfo[], query: JobListQuery): JobListPage => {
  const matching = isWanted(query) ? jobs : [];
  const start = startOf(matching, query.queryLocator);
  const records = matching.slice(start, start + maxListed);
  const isLast = start + maxListed >= matching.length;
  return { records, next: isLast ? null : (records.at(-1)?.id ?? null) };
};

/** All jobs are query jobs of this API, parallel and without manual PK chunking. */
const isWanted = ({ concurrencyMode, isPkChunkingEnabled, jobType }: JobListQuery): boolean =>
  (jobType ?? 'V2Query') === 'V2Query' &&
  (concurrencyMode ?? 'parallel').toLowerCase() === 'parallel' &&
  (isPkChunkingEnabled ?? 'false') === 'false';

/** A locator is the id of the previous job; new jobs precede it, so it stays valid. */
const startOf = (jobs: readonly BulkJobInfo[], locator: string | undefined): number => {
  if (locator === undefined) return 0;
  const at = jobs.findIndex(({ id }) => id === locator);
  if (at === -1) throw new ApiError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
  return at + 1;
};

/** Salesforce returns up to 1,000. */
const maxListed = 100;

/** A job in the response to its creation and in the list. */
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

/** A job by its id. */
export const wholeJobJson = (job: BulkJobInfo) => ({
  ...listedJobJson(job),
  numberRecordsProcessed: job.rows,
  retries: 0,
  totalProcessingTime: job.processingMs,
  isPkChunkingSupported: true,
  ...(job.errorMessage !== null && { errorMessage: job.errorMessage }),
});

export type JobListQuery = {
  readonly jobType?: string;
  readonly concurrencyMode?: string;
  readonly isPkChunkingEnabled?: string;
  readonly queryLocator?: string;
};

type JobListPage = { readonly records: readonly BulkJobInfo[]; readonly next: string | null };
