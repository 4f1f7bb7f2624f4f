import type { FastifyRequest } from 'fastify';
import { ApiError, resourceNotFound } from '../api-error.ts';
import { isObject } from '../record-input.ts';
import { callerOf } from '../rest-caller.ts';
import type { BulkContext } from './bulk-context.ts';
import type { BulkJob } from './bulk-job.ts';
import type { BulkRequest } from './bulk-jobs.ts';

/** Parses the request for a new job. Throws if it is not a valid query job. */
export const readBulkRequest = (body: unknown): BulkRequest => {
  if (!isObject(body)) throw wrong('the request needs a JSON object');
  for (const name of Object.keys(body)) {
    if (!known.has(name)) throw new ApiError(400, 'JSON_PARSER_ERROR', `Unrecognized field "${name}"`);
  }
  const { operation, query } = body;
  if (operation !== 'query' && operation !== 'queryAll') throw wrong('operation must be query or queryAll');
  if (typeof query !== 'string' || query.trim() === '') throw wrong('query is required');
  only(body, 'contentType', ['CSV']);
  only(body, 'columnDelimiter', ['COMMA']);
  only(body, 'lineEnding', ['LF', 'CRLF']);
  return { operation, query, lineEnding: body['lineEnding'] === 'CRLF' ? 'CRLF' : 'LF' };
};

/** Validates the request to abort a job, the only possible change. */
export const assertAbort = (body: unknown): void => {
  if (!isObject(body) || body['state'] !== 'Aborted') throw wrong('state can only be changed to Aborted');
};

/** Parses `maxRecords`. */
export const readMaxRecords = (text: string | undefined, defaultValue: number): number => {
  if (text === undefined) return defaultValue;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw wrong(`maxRecords must be a whole number above 0, not ${text}`);
  return Number(text);
};

const only = (body: Readonly<Record<string, unknown>>, name: string, values: readonly string[]): void => {
  const value = body[name] ?? values[0];
  if (typeof value === 'string' && values.includes(value)) return;
  throw wrong(`${name} must be ${values.join(' or ')}`);
};

const wrong = (message: string) => new ApiError(400, 'API_ERROR', message);

const known = new Set(['operation', 'query', 'contentType', 'columnDelimiter', 'lineEnding']);

/** The job with this id. Throws 404. */
export const findJob = ({ jobs }: BulkContext, id: string): BulkJob => {
  const job = jobs.find(id);
  if (!job) throw resourceNotFound();
  return job;
};

/** The error of an operation that the state of a job does not allow. */
export const wrongState = (message: string) => new ApiError(400, 'INVALIDJOBSTATE', message);

/** Throws 404 before the API version that introduced a resource. */
export const assertSince = (request: FastifyRequest, version: number): void => {
  if (Number(callerOf(request).apiVersion) < version) throw resourceNotFound();
};

/** The opaque locator of a row of a result; never a number. */
export const locatorOf = (jobId: string, row: number): string =>
  `S${Buffer.from(`${jobId.slice(-8)}:${row}`).toString('base64url')}`;

/** The row of a locator of this job; undefined for another text. */
export const rowOf = (jobId: string, locator: string): number | undefined => {
  const [, row] = /:(\d{1,9})$/.exec(Buffer.from(locator.slice(1), 'base64url').toString()) ?? [];
  return row !== undefined && locatorOf(jobId, Number(row)) === locator ? Number(row) : undefined;
};
