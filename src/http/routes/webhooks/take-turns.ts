/**
 * Large documents are read one after the other: each gives up the event loop every few milliseconds, but several at
 * once would hold it for the sum of theirs.
 */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function takeTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}
