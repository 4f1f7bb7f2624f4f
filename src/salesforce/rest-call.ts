import type { Connection, HttpRequest } from 'jsforce';
import { fromRestError, SalesforceError } from './error.ts';

/**
 * Rejects if there is no answer within a time limit.
 * @param what names the request in the error
 */
export async function withDeadline<T>(answer: PromiseLike<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SalesforceError(`no answer to ${what} within ${ms / 1000} s`, 'TIMEOUT', 'transient')),
      ms,
    );
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a REST answer within a time limit. @throws SalesforceError for every failure */
export async function restAnswer<T>(answer: PromiseLike<T>, ms: number, what: string): Promise<T> {
  try {
    return await withDeadline(answer, ms, what);
  } catch (error) {
    throw fromRestError(error);
  }
}

/**
 * Sends a REST request without retries, because each counts against the daily limit and the caller has its own retry
 * policy. A refused token is still renewed.
 *
 * @throws SalesforceError for every failure
 */
export function sendOnce<T>(
  connection: Connection,
  request: HttpRequest,
  ms: number,
  what: string,
): Promise<T> {
  return restAnswer(connection.request<T>(request, { retry: { maxRetries: 0 } }), ms, what);
}

/** Requests the first page of a SOQL query. @throws SalesforceError */
export function querySoql<T>(
  connection: Connection,
  soql: string,
  resource = '/query',
  timeoutMs = maxQueryMs,
): Promise<T> {
  const url = `${resource}?q=${encodeURIComponent(soql)}`;
  return restAnswer(connection.request<T>(url), timeoutMs, `the query ${soql.slice(0, 80)}`);
}

/** Milliseconds. */
export const maxQueryMs = 120_000;
