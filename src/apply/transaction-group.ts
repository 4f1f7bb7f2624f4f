/** As much of a stored event as grouping needs. An event that can't be decoded has no key. */
export type Groupable = { readonly id: bigint; readonly transactionKey: string | null };

// So many events in a row that can't be decoded are no hole in a transaction: a whole schema can't be read.
const longestHole = 200;

/**
 * Splits the log, in the order of arrival, into Salesforce transactions: runs of events with one transaction key.
 * Events that can't be decoded stand alone, unless what lies before and behind them has one key: then they lie inside
 * that transaction.
 * The last group is left out unless it is known to be complete: its last event, or the last one that can't be decoded
 * behind it, must not lie beyond `quietThrough`, the place up to which the bus has been silent since.
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
      if (current.length === 0 || unreadable.length > longestHole) close();
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
