import type { HttpResponse } from 'jsforce';
import { judgeRest, type Refusal, SalesforceError } from './error.ts';
import { describeBody, isHtml, isRecord } from './response-body.ts';
import { retryAfterOf } from './retry-after.ts';

export type Answer = Pick<HttpResponse, 'statusCode' | 'headers' | 'body'>;

// These exist in each API version that exists itself; records, jobs and pages can be missing for other reasons.
const fixedPaths =
  /^\/services\/data\/v\d+\.\d+\/(limits|query|queryAll|sobjects\/\w+\/describe|composite\/sobjects(\/\w+)?|jobs\/query)\/?$/;

/** Why the REST API refused a request, with Salesforce's own code and words if it gave them. */
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
    retryAfterMs: retryAfterOf(headers['retry-after'], Date.now()),
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

/** `[{"errorCode", "message"}]`, the same without the list, or `{"error", "error_description"}`. */
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

/** The identity service answers with the bare code: `Bad_OAuth_Token`. */
function plainCode(body: string): { code: string; message: string } | undefined {
  const code = /^\s*(?:<[^>]*>\s*)*([A-Za-z]+_OAuth_Token)\b/.exec(body)?.[1];
  return code === undefined ? undefined : { code, message: `Salesforce refused the access token (${code})` };
}
