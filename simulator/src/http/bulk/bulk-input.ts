import { ApiError } from '../api-error.ts';
import { isObject } from '../record-input.ts';
import type { BulkRequest } from './bulk-jobs.ts';

/** The body of a request for a new job. Throws for what a query job cannot be. */
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

/** The body by which a client aborts a job; nothing else can be changed. */
export const assertAbort = (body: unknown): void => {
  if (!isObject(body) || body['state'] !== 'Aborted') throw wrong('state can only be changed to Aborted');
};

/** `maxRecords`, or the usual. */
export const readMaxRecords = (text: string | undefined, usual: number): number => {
  if (text === undefined) return usual;
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
