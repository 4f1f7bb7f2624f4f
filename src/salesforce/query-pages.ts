import type { Connection } from 'jsforce';
import { type Static, Type } from 'typebox';
import { badAnswer } from './error.ts';
import type { RestRow } from './records.ts';
import { callRest } from './rest-call.ts';

/** Makes one call to Salesforce when the API budget has room. */
export type CallWithinBudget = <T>(call: () => Promise<T>) => Promise<T>;

export type QueryResource = 'query' | 'queryAll';

const queryPage = Type.Object({
  totalSize: Type.Integer(),
  done: Type.Boolean(),
  nextRecordsUrl: Type.Optional(Type.String()),
  records: Type.Array(Type.Unsafe<RestRow>(Type.Object({}))),
});

export type QueryPage = Static<typeof queryPage>;

/**
 * URL and headers of a request are limited to 16,384 bytes. The rest is for the host, the path, the access token (up to
 * 2 kB for a JWT) and other headers. Source: "Status Codes and Error Responses", REST API guide.
 */
const maxQueryBytes = 12_000;

/** Whether a query can be sent by GET. */
export function fitsUrl(soql: string): boolean {
  return encodeURIComponent(soql).length <= maxQueryBytes;
}

// A response has up to 2,000 records, which take tens of megabytes when decoded.
const maxSliceRecords = 500;

/**
 * Reads the result of a query. Only `done` marks its end: Salesforce chooses the size of pages.
 * @throws SalesforceError
 */
export async function* queryPages(
  connection: Connection,
  resource: QueryResource,
  soql: string,
  callWithinBudget: CallWithinBudget = (call) => call(),
): AsyncGenerator<RestRow[]> {
  let url: string | undefined = `/${resource}?q=${encodeURIComponent(soql)}`;
  while (url !== undefined) {
    const next: string = url;
    const page: QueryPage = await callWithinBudget(() => callRest(connection, next, { shape: queryPage }));
    for (let start = 0; start === 0 || start < page.records.length; start += maxSliceRecords)
      yield page.records.slice(start, start + maxSliceRecords);
    if (!page.done && page.nextRecordsUrl === undefined) {
      throw badAnswer(`the result of ${resource} has no next page`);
    }
    url = page.done ? undefined : page.nextRecordsUrl;
  }
}

/** Reads the result of a query as one list. @throws SalesforceError */
export async function queryRows(
  connection: Connection,
  resource: QueryResource,
  soql: string,
): Promise<RestRow[]> {
  const rows: RestRow[] = [];
  for await (const page of queryPages(connection, resource, soql)) rows.push(...page);
  return rows;
}
