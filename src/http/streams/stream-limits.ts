import { Problem } from '../problem.ts';

/** Of one kind of long answer; those of another kind are counted apart. */
export type StreamLimits = { readonly most: number; readonly maxPerKey: number };

/**
 * @param callers whose answers of this kind are under way
 * @throws Problem 429 where this caller has as many as one may have, 503 where all together have
 */
export function checkStreamLimit(
  what: 'exports' | 'streams',
  callers: readonly string[],
  caller: string,
  { most, maxPerKey }: StreamLimits,
): void {
  const headers = { 'retry-after': '30' };
  if (callers.filter((other) => other === caller).length >= maxPerKey) {
    throw new Problem('too-many-streams', `At most ${maxPerKey} ${what} of one key may be open.`, {
      headers,
    });
  }
  if (callers.length >= most) {
    throw new Problem('unavailable', `At most ${most} ${what} may be open.`, { headers });
  }
}

/** To a caller who was let in just before the server began to close: another process answers. */
export function closingDown(): Problem {
  return new Problem('unavailable', 'The server is closing.', { headers: { 'retry-after': '1' } });
}
