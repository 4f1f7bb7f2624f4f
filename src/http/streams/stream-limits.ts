import { Problem } from '../problem.ts';

/** Limits of one kind of stream; each kind is counted separately. */
export type StreamLimits = { readonly max: number; readonly maxPerKey: number };

/**
 * @param callers the callers of all open streams of this kind
 * @throws Problem 429 if the caller has reached its limit, 503 if the total limit is reached
 */
export function checkStreamLimit(
  kind: 'exports' | 'streams',
  callers: readonly string[],
  caller: string,
  { max, maxPerKey }: StreamLimits,
): void {
  const headers = { 'retry-after': '30' };
  if (callers.filter((other) => other === caller).length >= maxPerKey) {
    throw new Problem('too-many-streams', `The limit of ${maxPerKey} ${kind} per key is reached.`, {
      headers,
    });
  }
  if (callers.length >= max) {
    throw new Problem('unavailable', `The limit of ${max} ${kind} is reached.`, { headers });
  }
}

/** For a request accepted just before the server started to close: another process can serve it. */
export function serverClosing(): Problem {
  return new Problem('unavailable', 'The server is shutting down.', { headers: { 'retry-after': '1' } });
}
