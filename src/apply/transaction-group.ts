/** The part of a stored event that grouping needs. An event that cannot be decoded has no key. */
export type Groupable = { readonly id: bigint; readonly transactionKey: string | null };

// More consecutive events that cannot be decoded are not part of a transaction: a whole schema is unusable.
const maxUnreadableRun = 200;

/**
 * Splits the log, in the order of arrival, into Salesforce transactions: consecutive events with the same key. An event
 * that cannot be decoded is a group of its own, unless the events before and after it have the same key: then it
 * belongs to that transaction.
 *
 * The last group is included only if it is complete.
 * @param quietThrough id up to which the log is complete, because the bus was silent afterwards
 */
export function completeTransactions<T extends Groupable>(events: readonly T[], quietThrough: bigint): T[][] {
  const groups: T[][] = [];
  let current: T[] = [];
  let unreadable: T[] = [];
  const close = (): void => {
    if (current.length > 0) groups.push(current);
    groups.push(...unreadable.map((event) => [event]));
    current = [];
    unreadable = [];
  };
  for (const event of events) {
    if (event.transactionKey === null) {
      unreadable.push(event);
      if (current.length === 0 || unreadable.length > maxUnreadableRun) close();
    } else {
      if (event.transactionKey === current[0]?.transactionKey) current.push(...unreadable);
      else close();
      unreadable = [];
      current.push(event);
    }
  }
  const last = unreadable.at(-1) ?? current.at(-1);
  if (last !== undefined && last.id <= quietThrough) close();
  return groups;
}

/** Splits transactions into lists of up to `maxEvents` events, or of one larger transaction. */
export function splitTransactions<T>(groups: readonly T[][], maxEvents: number): T[][][] {
  const result: T[][][] = [];
  let size = maxEvents;
  for (const group of groups) {
    if (size + group.length > maxEvents) {
      result.push([]);
      size = 0;
    }
    result.at(-1)?.push(group);
    size += group.length;
  }
  return result;
}
