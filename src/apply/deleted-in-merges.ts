import type { ChangeEventHeader } from '../salesforce/change-event.ts';

/**
 * Accounts that may have been merged into others: deleted in a transaction that updated another account. Events do not
 * report merges; a read of the deleted record does.
 */
export function deletedInMerges(headers: readonly ChangeEventHeader[]): string[] {
  const updating = new Set(
    headers.filter(({ changeType }) => changeType === 'UPDATE').map(({ transactionKey }) => transactionKey),
  );
  return headers
    .filter(({ changeType, transactionKey }) => changeType === 'DELETE' && updating.has(transactionKey))
    .flatMap(({ recordIds }) => recordIds);
}
