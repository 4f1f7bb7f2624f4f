import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';
import {
  type CallWithinBudget,
  fitsAddress,
  maxQueryMs,
  type QueryPage,
  queryPages,
  queryRows,
} from './query-pages.ts';
import { checkedId } from './record-id.ts';
import { type AccountRead, type ReadPlan, type RestRow, toRead } from './records.ts';
import { idCondition, retrieveAccounts } from './retrieve-accounts.ts';

/** Where a reading in the order of change goes on: behind this record. */
export type ReadFrom = { readonly systemModstamp: number; readonly id: string };

/** A part of a reading in the order of change. */
export type ReadPage = {
  readonly reads: readonly AccountRead[];
  /** Where the next part goes on; undefined if there was nothing. */
  readonly through: ReadFrom | undefined;
};

export type Span = { readonly from: Date; readonly to: Date };

// What Salesforce sends at once: 500 records of 200 fields.
const maxValues = 100_000;
const maxNarrowIds = 200;
const maxWideIds = 500;

/** How many accounts {@link readAccounts} takes at once. */
export function maxIdsPerRead({ names }: ReadPlan): number {
  if (fitsAddress(selectByIds(names, maxNarrowIds))) return maxNarrowIds;
  return Math.max(1, Math.min(maxWideIds, Math.floor(maxValues / names.length)));
}

/**
 * Accounts by id, {@link maxIdsPerRead} at most, deleted ones included; those that Salesforce doesn't find are missing.
 * A few fields are queried; many go in the body of a request, for an address has no room for their names.
 * @throws SalesforceError
 */
export async function readAccounts(
  connection: Connection,
  plan: ReadPlan,
  ids: readonly string[],
): Promise<AccountRead[]> {
  const isNarrow = ids.length <= maxNarrowIds && fitsAddress(selectByIds(plan.names, ids.length));
  const rows = isNarrow
    ? await queryRows(connection, 'queryAll', `${selectFrom(plan.names)} WHERE ${idCondition(ids)}`)
    : await retrieveAccounts(connection, plan.names, ids);
  return rows.map((row) => toRead(row, plan));
}

/**
 * Every account changed at or after `from`, deleted ones included, part by part, in the order of change. Many records
 * share one stamp, so the id belongs to the place: going on behind the last record of any part misses nothing.
 * @throws SalesforceError
 */
export async function* readAccountsFrom(
  connection: Connection,
  plan: ReadPlan,
  from: Date | ReadFrom,
  callWithinBudget: CallWithinBudget = (call) => call(),
): AsyncGenerator<ReadPage> {
  const rest = `WHERE ${changedFrom(from)} ORDER BY SystemModstamp, Id`;
  const whole = `${selectFrom(plan.names)} ${rest}`;
  if (fitsAddress(whole)) {
    for await (const rows of queryPages(connection, 'queryAll', whole, callWithinBudget)) {
      const reads = rows.map((row) => toRead(row, plan));
      yield { reads, through: reads.at(-1) };
    }
    return;
  }
  const listing = `${selectFrom(['Id', 'SystemModstamp'])} ${rest}`;
  for await (const rows of queryPages(connection, 'queryAll', listing, callWithinBudget)) {
    yield* readListed(connection, plan, rows, callWithinBudget);
  }
}

/** Every account last modified in [`from`, `to`) that isn't deleted, part by part. @throws SalesforceError */
export async function* readAccountsModified(
  connection: Connection,
  plan: ReadPlan,
  { from, to }: Span,
  callWithinBudget: CallWithinBudget = (call) => call(),
): AsyncGenerator<readonly AccountRead[]> {
  const where = `WHERE LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}`;
  const whole = `${selectFrom(plan.names)} ${where}`;
  const isNarrow = fitsAddress(whole);
  const soql = isNarrow ? whole : `${selectFrom(['Id', 'SystemModstamp'])} ${where}`;
  for await (const rows of queryPages(connection, 'query', soql, callWithinBudget)) {
    if (isNarrow) yield rows.map((row) => toRead(row, plan));
    else for await (const { reads } of readListed(connection, plan, rows, callWithinBudget)) yield reads;
  }
}

/**
 * Reads what a query has listed. A record that changes meanwhile is read with a later stamp than it was listed with: the
 * place is that of the listing, or the records in between would be missed.
 */
async function* readListed(
  connection: Connection,
  plan: ReadPlan,
  rows: readonly RestRow[],
  callWithinBudget: CallWithinBudget,
): AsyncGenerator<ReadPage> {
  const listed = rows.map(placeOf);
  const size = maxIdsPerRead(plan);
  for (let start = 0; start === 0 || start < listed.length; start += size) {
    const some = listed.slice(start, start + size);
    const ids = some.map(({ id }) => id);
    const reads = ids.length === 0 ? [] : await callWithinBudget(() => readAccounts(connection, plan, ids));
    yield { reads, through: some.at(-1) };
  }
}

function placeOf(row: RestRow): ReadFrom {
  return { id: checkedId(String(row['Id'])), systemModstamp: Date.parse(String(row['SystemModstamp'])) };
}

/** How many accounts Salesforce has, deleted ones included; with `since`, those changed at or after that moment. */
export async function countAccounts(connection: Connection, since: Date | null): Promise<number> {
  const where = since === null ? '' : ` WHERE ${changedFrom(since)}`;
  const url = `/queryAll?q=${encodeURIComponent(`SELECT COUNT() FROM Account${where}`)}`;
  const answer = restAnswer(connection.request<QueryPage>(url), maxQueryMs, 'the count of accounts');
  return (await answer).totalSize;
}

function selectFrom(names: readonly string[]): string {
  return `SELECT ${names.join(', ')} FROM Account`;
}

/** As long as a query for so many ids. */
function selectByIds(names: readonly string[], count: number): string {
  return `${selectFrom(names)} WHERE ${idCondition(Array(count).fill('001000000000000AAA'))}`;
}

function changedFrom(from: Date | ReadFrom): string {
  if (from instanceof Date) return `SystemModstamp >= ${from.toISOString()}`;
  const at = new Date(from.systemModstamp).toISOString();
  return `(SystemModstamp > ${at} OR (SystemModstamp = ${at} AND Id > '${checkedId(from.id)}'))`;
}
