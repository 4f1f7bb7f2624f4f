import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';
import type { CallWithinBudget } from './query-pages.ts';
import type { Span } from './read-accounts.ts';
import { checkedId, parseRecordId } from './record-id.ts';

const answerLimitMs = 120_000;
/** The log of deletions reaches back 15 days; one less, since clocks and time zones differ. */
export const deleteLogMs = 14 * 24 * 3_600_000;
// A shorter span is not split any further.
const minSpanMs = 60 * 60_000;

/**
 * The ids of accounts that were deleted in a span of time, purged ones included. A span with more ids than one response
 * may hold is read in parts.
 * Source: "Get Deleted", REST API guide.
 * @throws SalesforceError
 */
export async function readDeletedIds(
  connection: Connection,
  span: Span,
  callWithinBudget: CallWithinBudget,
): Promise<Set<string>> {
  try {
    const { deletedRecords } = await callWithinBudget(() =>
      restAnswer(connection.request<DeletedPage>(deletedUrl(span)), answerLimitMs, 'getDeleted'),
    );
    return new Set(deletedRecords.map(({ id }) => parseRecordId(id) ?? id));
  } catch (error) {
    const tooMany = error instanceof SalesforceError && error.code === 'EXCEEDED_ID_LIMIT';
    const lengthMs = span.to.getTime() - span.from.getTime();
    if (!tooMany || lengthMs < 2 * minSpanMs) throw error;
    const middle = new Date(span.from.getTime() + lengthMs / 2);
    const earlier = await readDeletedIds(connection, { from: span.from, to: middle }, callWithinBudget);
    return earlier.union(await readDeletedIds(connection, { from: middle, to: span.to }, callWithinBudget));
  }
}

/**
 * Requests one account by its id.
 * @returns the error code of the response, null if Salesforce returns the account
 * @throws SalesforceError if the response says nothing about the account
 */
export async function requestAccount(connection: Connection, id: string): Promise<string | null> {
  try {
    const url = `/sobjects/Account/${checkedId(id)}?fields=Id`;
    await restAnswer(connection.request<object>(url), answerLimitMs, 'an account by its id');
    return null;
  } catch (error) {
    if (error instanceof SalesforceError && ['NOT_FOUND', 'ENTITY_IS_DELETED'].includes(error.code))
      return error.code;
    throw error;
  }
}

function deletedUrl({ from, to }: Span): string {
  const [start, end] = [from, to].map((time) => encodeURIComponent(time.toISOString()));
  return `/sobjects/Account/deleted/?start=${start}&end=${end}`;
}

type DeletedPage = { readonly deletedRecords: readonly { readonly id: string }[] };
