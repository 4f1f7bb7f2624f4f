import type { Connection } from 'jsforce';
import { Type } from 'typebox';
import { SalesforceError } from './error.ts';
import type { CallWithinBudget } from './query-pages.ts';
import type { Span } from './read-accounts.ts';
import { checkedId, parseRecordId } from './record-id.ts';
import { callRest } from './rest-call.ts';

/** Salesforce keeps the deletion log for 15 days; one less, because clocks and time zones differ. */
export const deleteLogMs = 14 * 24 * 3_600_000;
// Spans shorter than twice this are not split.
const minSpanMs = 60 * 60_000;

/**
 * Reads the ids of accounts that were deleted in a span, including purged ones. A span with too many ids for one response
 * is split.
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
      callRest(connection, deletedUrl(span), { shape: deletedPage }),
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
 * Requests an account by id.
 * @returns the error code of the response, null if Salesforce returns the account
 * @throws SalesforceError if the response says nothing about the account
 */
export async function requestAccount(connection: Connection, id: string): Promise<string | null> {
  try {
    const url = `/sobjects/Account/${checkedId(id)}?fields=Id`;
    await callRest(connection, url, { shape: idRow });
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

const deletedPage = Type.Object({ deletedRecords: Type.Array(Type.Object({ id: Type.String() })) });
const idRow = Type.Object({ Id: Type.String() });
