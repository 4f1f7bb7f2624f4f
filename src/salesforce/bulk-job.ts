import type { Connection, HttpRequest } from 'jsforce';
import { type Static, Type } from 'typebox';
import { restError, SalesforceError } from './error.ts';
import { parseRecordId } from './record-id.ts';
import { callRest, jsonRequest } from './rest-call.ts';

/** A query job of the Bulk API 2.0. Source: "Get Information About a Query Job", Bulk API 2.0 guide. */
export type BulkJob = {
  readonly id: string;
  readonly state: 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted';
  /** Records in the result so far. */
  readonly records: number;
  readonly error: string | null;
  readonly operation: string;
  readonly object: string;
  /** 18 characters. */
  readonly createdById: string;
  /** Epoch milliseconds, by Salesforce's clock. */
  readonly createdAt: number;
};

/** Creates a job that reads the result of a query, including deleted records. @throws SalesforceError */
export async function createBulkJob(connection: Connection, soql: string): Promise<BulkJob> {
  const body = {
    operation: 'queryAll',
    query: soql,
    contentType: 'CSV',
    columnDelimiter: 'COMMA',
    lineEnding: 'LF',
  };
  return requestJob(connection, jsonRequest('POST', '/jobs/query', body));
}

/** Undefined if Salesforce does not have the job any more. @throws SalesforceError */
export async function readBulkJob(connection: Connection, id: string): Promise<BulkJob | undefined> {
  try {
    return await requestJob(connection, jobUrl(id));
  } catch (error) {
    if (isUnknownJob(error)) return undefined;
    throw error;
  }
}

/** Lists the query jobs created at or after a moment. @throws SalesforceError */
export async function listBulkJobs(connection: Connection, since: Date): Promise<BulkJob[]> {
  const jobs: BulkJob[] = [];
  let url: string | null = '/jobs/query?jobType=V2Query';
  while (url !== null) {
    const list: Static<typeof jobList> = await callRest(connection, url, { shape: jobList, timeoutMs });
    jobs.push(...list.records.map(toJob));
    url = list.done ? null : (list.nextRecordsUrl ?? null);
  }
  return jobs.filter(({ createdAt }) => createdAt >= since.getTime());
}

/** Aborts a job; does nothing if it has ended or does not exist. @throws SalesforceError */
export async function abortBulkJob(connection: Connection, id: string): Promise<void> {
  try {
    await requestJob(connection, jsonRequest('PATCH', jobUrl(id), { state: 'Aborted' }));
  } catch (error) {
    if (isUnknownJob(error)) return;
    const job = await readBulkJob(connection, id);
    if (job !== undefined && isRunning(job)) throw error;
  }
}

export function isRunning({ state }: BulkJob): boolean {
  return state === 'UploadComplete' || state === 'InProgress';
}

/** The error of a job that ended without a result; its class says whether another job may succeed. */
export function bulkFailure({ id, state, error }: BulkJob): SalesforceError {
  if (state === 'Aborted')
    return new SalesforceError(`Bulk job ${id} was aborted in Salesforce.`, 'ABORTED', 'config');
  const message = error ?? 'Salesforce gave no reason.';
  const [, code] = /\b([A-Z][A-Z_]{4,})\b/.exec(message) ?? [];
  return restError({ code: code ?? 'BULK_JOB_FAILED', message: `Bulk job ${id} failed: ${message}` });
}

/** The error of a job that Salesforce does not have any more: another one has to be created. */
export function bulkJobGone(id: string): SalesforceError {
  return new SalesforceError(
    `Salesforce does not have bulk job ${id} any more.`,
    'BULK_JOB_GONE',
    'transient',
  );
}

export function isUnknownJob(error: unknown): boolean {
  return error instanceof SalesforceError && ['NOT_FOUND', 'INVALIDJOB', 'INVALID_JOB'].includes(error.code);
}

function jobUrl(id: string): string {
  return `/jobs/query/${encodeURIComponent(id)}`;
}

async function requestJob(connection: Connection, request: string | HttpRequest): Promise<BulkJob> {
  return toJob(await callRest(connection, request, { shape: rawJob, timeoutMs }));
}

function toJob(raw: Static<typeof rawJob>): BulkJob {
  return {
    id: raw.id,
    state: raw.state,
    records: raw.numberRecordsProcessed ?? 0,
    error: raw.errorMessage ?? null,
    operation: raw.operation,
    object: raw.object,
    createdById: parseRecordId(raw.createdById) ?? raw.createdById,
    createdAt: Date.parse(raw.createdDate),
  };
}

const timeoutMs = 60_000;

const rawJob = Type.Object({
  id: Type.String(),
  state: Type.Enum(['UploadComplete', 'InProgress', 'JobComplete', 'Failed', 'Aborted']),
  operation: Type.String(),
  object: Type.String(),
  createdById: Type.String(),
  createdDate: Type.String(),
  numberRecordsProcessed: Type.Optional(Type.Integer()),
  errorMessage: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
const jobList = Type.Object({
  records: Type.Array(rawJob),
  done: Type.Boolean(),
  nextRecordsUrl: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
