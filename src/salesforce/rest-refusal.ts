import type { HttpResponse } from 'jsforce';
import { judgeRest, type Refusal, SalesforceError } from './error.ts';
import { describeBody, isHtml, isRecord } from './response-body.ts';

export type Answer = Pick<HttpResponse, 'statusCode' | 'headers' | 'body'>;

// These exist in every API version; records, jobs and pages can be missing for other reasons.
const fixedPaths =
  /^\/services\/data\/v\d+\.\d+\/(limits|query|queryAll|sobjects\/\w+\/describe|composite\/sobjects(\/\w+)?|jobs\/query)\/?$/;

/** The error of a refused REST request, with Salesforce's code and message if the body has them. */
export function restRefusal({ statusCode: status, headers, body }: Answer, url: string): SalesforceError {
  const refusal = refusalIn(body, status, headers);
  const { failure, ...details } = isVersionMissing(refusal, new URL(url).pathname)
    ? {
        failure: 'config' as const,
        setting: 'SALESFORCE_API_VERSION',
        action: 'Set SALESFORCE_API_VERSION to a version that the org supports.',
      }
    : judgeRest(refusal);
  return new SalesforceError(refusal.message, refusal.code, failure, {
    ...details,
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  });
}

function isVersionMissing({ code, status }: Refusal, path: string): boolean {
  return (status === 404 || status === 410) && !code.startsWith('ERROR_HTTP_') && fixedPaths.test(path);
}

function refusalIn(body: string, status: number, headers: Answer['headers']): Refusal {
  const named = (isHtml(headers) ? undefined : errorIn(body)) ?? plainCode(body);
  if (named !== undefined) return { ...named, status };
  const message = `Salesforce answered with status ${status} (${describeBody(body)})`;
  return { code: `ERROR_HTTP_${status}`, message, status };
}

/** Parses `[{"errorCode", "message"}]`, the same without the list, or `{"error", "error_description"}`. */
function errorIn(body: string): { code: string; message: string } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isRecord(first)) return undefined;
  const {
    errorCode,
    exceptionCode,
    error,
    message,
    exceptionMessage,
    error_description: description,
  } = first;
  const code = [errorCode, exceptionCode, error].find((value) => typeof value === 'string' && value !== '');
  if (typeof code !== 'string') return undefined;
  const text = [message, exceptionMessage, description].find((value) => typeof value === 'string');
  return { code, message: typeof text === 'string' && text !== '' ? text : code };
}

/** The identity service responds with the bare code: `Bad_OAuth_Token`. */
function plainCode(body: string): { code: string; message: string } | undefined {
  const code = /^\s*(?:<[^>]*>\s*)*([A-Za-z]+_OAuth_Token)\b/.exec(body)?.[1];
  return code === undefined ? undefined : { code, message: `Salesforce refused the access token (${code})` };
}

// Salesforce asks for minutes at most; a longer time is a mistake.
const maxRetryAfterMs = 15 * 60_000;

/** The header `Retry-After`, seconds or a date, as milliseconds from `now`. Source: RFC 9110, 10.2.3. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(maxRetryAfterMs, Math.max(0, ms));
}
