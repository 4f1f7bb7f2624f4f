/**
 * Codes of calls that were refused as a whole. They go first, in smaller calls, so that the cause is found while little
 * else waits; `alone` are sent one by one. What a process forgets by ending is found again in the same way.
 */
export type Worklist = { readonly retry: readonly string[]; readonly alone: readonly string[] };

export const noWork: Worklist = { retry: [], alone: [] };

/** The next call from the list, and the list after it. */
export function nextOf(
  { retry, alone }: Worklist,
  batchSize: number,
): { ids: readonly string[]; rest: Worklist } {
  if (retry.length > 0) {
    return { ids: retry.slice(0, batchSize), rest: { retry: retry.slice(batchSize), alone } };
  }
  return { ids: alone.slice(0, 1), rest: { retry, alone: alone.slice(1) } };
}

export function addWork(
  { retry, alone }: Worklist,
  added: { readonly retry: readonly string[]; readonly alone: readonly string[] },
): Worklist {
  const isAdded = new Set([...added.retry, ...added.alone]);
  const others = (ids: readonly string[]): string[] => ids.filter((id) => !isAdded.has(id));
  return { retry: [...added.retry, ...others(retry)], alone: [...others(alone), ...added.alone] };
}
