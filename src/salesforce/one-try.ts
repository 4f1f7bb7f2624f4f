import type { Connection, HttpRequest } from 'jsforce';
import { restAnswer } from './deadline.ts';

/**
 * One REST request that is not repeated when it fails: each repetition counts against the daily allowance, and here
 * whoever asks decides, by `retryAfterMs` of the error. A refused token is replaced and the request repeated all the same.
 *
 * @throws SalesforceError, whatever went wrong
 */
export function oneTry<T>(connection: Connection, request: HttpRequest, wait: Wait): Promise<T> {
  const answer = connection.request<T>(request, { retry: { maxRetries: 0 } });
  return restAnswer(answer, wait.ms, wait.what);
}

type Wait = {
  /** Given up after so many milliseconds. */
  readonly ms: number;
  readonly what: string;
};
