import type { Connection } from 'jsforce';
import { type CallWithinBudget, fitsUrl, queryPages, queryRows } from './query-pages.ts';
import { checkedId } from './record-id.ts';
import { type AccountRead, type ReadPlan, type RestRow, toRead } from './records.ts';
import { countPage, querySoql } from './rest-call.ts';
import { idCondition, retrieveAccounts } from './retrieve-accounts.ts';

/** Position of a read in the order of changes: it resumes after this record. */
export type ReadFrom = { readonly systemModstamp: number; readonly id: string };

/** A page of a read in the order of changes. */
export type ReadPage = {
  readonly reads: readonly AccountRead[];
  /** Where the next page resumes; undefined for an empty page. */
  readonly through: ReadFrom | undefined;
};

export type Span = { readonly from: Date; readonly to: Date };

// Field values in one response: 500 records of 200 fields.
const maxValues = 100_000;
const maxNarrowIds = 200;
const maxWideIds = 500;

/** Maximum number of ids for {@link readAccounts}. */
export function maxIdsPerRead({ names }: ReadPlan): number {
  if (fitsUrl(selectByIds(names, maxNarrowIds))) return maxNarrowIds;
  return Math.max(1, Math.min(maxWideIds, Math.floor(maxValues / names.length)));
}

/**
 * Reads up to {@link maxIdsPerRead} accounts by id, including deleted ones; unknown ids are missing from the result. If
 * the field names do not fit into a URL, they are sent in the body of a retrieve request.
 * @throws SalesforceError
 */
export async function readAccounts(
  connection: Connection,
  plan: ReadPlan,
  ids: readonly string[],
): Promise<AccountRead[]> {
  const isNarrow = ids.length <= maxNarrowIds && fitsUrl(selectByIds(plan.names, ids.length));
  const rows = isNarrow
    ? await queryRows(connection, 'queryAll', `${selectFrom(plan.names)} WHERE ${idCondition(ids)}`)
    : await retrieveAccounts(connection, plan.names, ids);
  return rows.map((row) => toRead(row, plan));
}

/**
 * Reads every account changed at or after `from`, including deleted ones, in the order of changes. Many records share a
 * timestamp, so the position includes the id: resuming after the last record of any page misses nothing.
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
  if (fitsUrl(whole)) {
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

/** Reads every existing account last modified in [`from`, `to`). @throws SalesforceError */
export async function* readAccountsModified(
  connection: Connection,
  plan: ReadPlan,
  { from, to }: Span,
  callWithinBudget: CallWithinBudget = (call) => call(),
): AsyncGenerator<readonly AccountRead[]> {
  const where = `WHERE LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}`;
  const whole = `${selectFrom(plan.names)} ${where}`;
  const isNarrow = fitsUrl(whole);
  const soql = isNarrow ? whole : `${selectFrom(['Id', 'SystemModstamp'])} ${where}`;
  for await (const rows of queryPages(connection, 'query', soql, callWithinBudget)) {
    if (isNarrow) yield rows.map((row) => toRead(row, plan));
    else for await (const { reads } of readListed(connection, plan, rows, callWithinBudget)) yield reads;
  }
}

/**
 * Reads the records that a query has listed. A record that changes in between has a later timestamp than in the list: the
 * position is that of the list, so that no record is skipped.
 */
async function* readListed(
  connection: Connection,
  plan: ReadPlan,
  rows: readonly RestRow[],
  callWithinBudget: CallWithinBudget,
): AsyncGenerator<ReadPage> {
  const listed = rows.map(positionOf);
  const size = maxIdsPerRead(plan);
  for (let start = 0; start === 0 || start < listed.length; start += size) {
    const chunk = listed.slice(start, start + size);
    const ids = chunk.map(({ id }) => id);
    const reads = ids.length === 0 ? [] : await callWithinBudget(() => readAccounts(connection, plan, ids));
    yield { reads, through: chunk.at(-1) };
  }
}

function positionOf(row: RestRow): ReadFrom {
  return { id: checkedId(String(row['Id'])), systemModstamp: Date.parse(String(row['SystemModstamp'])) };
}

/** Counts the accounts, including deleted ones; with `since`, those changed at or after it. @throws SalesforceError */
export async function countAccounts(connection: Connection, since: Date | null): Promise<number> {
  const where = since === null ? '' : ` WHERE ${changedFrom(since)}`;
  const soql = `SELECT COUNT() FROM Account${where}`;
  return (await querySoql(connection, soql, { shape: countPage, resource: '/queryAll' })).totalSize;
}

function selectFrom(names: readonly string[]): string {
  return `SELECT ${names.join(', ')} FROM Account`;
}

/** A query with `count` ids, to measure its length. */
function selectByIds(names: readonly string[], count: number): string {
  return `${selectFrom(names)} WHERE ${idCondition(Array(count).fill('001000000000000AAA'))}`;
}

function changedFrom(from: Date | ReadFrom): string {
  if (from instanceof Date) return `SystemModstamp >= ${from.toISOString()}`;
  const at = new Date(from.systemModstamp).toISOString();
  return `(SystemModstamp > ${at} OR (SystemModstamp = ${at} AND Id > '${checkedId(from.id)}'))`;
}
