import type { Connection, HttpRequest, HttpRequestOptions, HttpResponse, StreamPromise } from 'jsforce';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';

/**
 * One REST request, sent once. jsforce by itself repeats a GET up to five times on 5xx, each a request of the daily
 * allowance, and keeps Salesforce's `Retry-After` to itself; here whoever asks decides, and is told.
 * A 401 still has the token replaced and the request repeated.
 *
 * @throws SalesforceError, whatever went wrong
 */
export async function oneTry<T>(connection: Connection, request: HttpRequest, wait: Wait): Promise<T> {
  let retryAfter: string | undefined;
  const transport = {
    httpRequest(sent: HttpRequest, options: HttpRequestOptions): StreamPromise<HttpResponse> {
      const answer = connection._transport.httpRequest(sent, { ...options, retry: { maxRetries: 0 } });
      answer.then(
        ({ headers }) => {
          retryAfter = headers['retry-after'];
        },
        () => {},
      );
      return answer;
    },
  };
  try {
    return await restAnswer(connection.request<T>(request, { transport }), wait.ms, wait.what);
  } catch (error) {
    const retryAfterMs = retryAfterOf(retryAfter, Date.now());
    if (!(error instanceof SalesforceError) || retryAfterMs === undefined) throw error;
    throw new SalesforceError(error.message, error.code, error.failure, { cause: error.cause, retryAfterMs });
  }
}

// Salesforce asks for minutes at most; more is a mistake that must not stop us for days.
const longestMs = 15 * 60_000;

/** Seconds or a date, as milliseconds from `now`. Source: RFC 9110, 10.2.3. */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(longestMs, Math.max(0, ms));
}

type Wait = {
  /** Given up after so many milliseconds. */
  readonly ms: number;
  readonly what: string;
};
