/**
 * Accounts of calls that were refused as a whole. They are sent first, in smaller calls, which isolates the cause;
 * those in `alone` are sent one per call. The list is in memory only: after a restart the refusals rebuild it.
 */
export type Worklist = { readonly retry: readonly string[]; readonly alone: readonly string[] };

export const emptyWorklist: Worklist = { retry: [], alone: [] };

/** Takes the accounts of the next call. @returns their ids, and the remaining list */
export function takeNext(
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
