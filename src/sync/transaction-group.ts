/** As much of a stored event as grouping needs. An event that can't be decoded has no key and stands alone. */
export type Groupable = { readonly id: bigint; readonly transactionKey: string | null };

/**
 * Splits the log, in the order of arrival, into Salesforce transactions: runs of events with one transaction key.
 * The last group is left out unless it is known to be complete: its last event must not lie beyond `quietThrough`,
 * the place up to which the bus has been silent since.
 */
export function completeTransactions<T extends Groupable>(events: readonly T[], quietThrough: bigint): T[][] {
  const groups: T[][] = [];
  let current: T[] = [];
  for (const event of events) {
    const previous = current.at(-1);
    if (
      previous !== undefined &&
      (event.transactionKey === null || event.transactionKey !== previous.transactionKey)
    ) {
      groups.push(current);
      current = [];
    }
    current.push(event);
  }
  const last = current.at(-1);
  if (last !== undefined && (last.transactionKey === null || last.id <= quietThrough)) groups.push(current);
  return groups;
}
