import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';
import type { RestRow } from './records.ts';

/** Carries out one call to Salesforce, when there is room for it. */
export type CallWithinBudget = <T>(call: () => Promise<T>) => Promise<T>;

export type QueryResource = 'query' | 'queryAll';

export type QueryPage = {
  readonly totalSize: number;
  readonly done: boolean;
  readonly nextRecordsUrl?: string;
  readonly records: RestRow[];
};

/** Milliseconds. */
export const maxQueryMs = 120_000;

/**
 * Address and headers of a request have 16,384 bytes together. What is left here is for the host, the path, the access
 * token (some are JWTs of 2 kB) and the other headers. Source: "Status Codes and Error Responses", REST API guide.
 */
const maxQueryBytes = 12_000;

/** Whether a query can be sent by GET: its text is part of the address. */
export function fitsAddress(soql: string): boolean {
  return encodeURIComponent(soql).length <= maxQueryBytes;
}

// Salesforce answers up to 2,000 records at once. Decoded they take tens of megabytes, for as long as they wait.
const maxSliceRecords = 500;

/**
 * The records that a query finds. Only `done` says that a result is complete; pages have the size that Salesforce
 * chooses.
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
    const page: QueryPage = await callWithinBudget(() =>
      restAnswer(connection.request<QueryPage>(next), maxQueryMs, resource),
    );
    for (let start = 0; start === 0 || start < page.records.length; start += maxSliceRecords)
      yield page.records.slice(start, start + maxSliceRecords);
    if (!page.done && page.nextRecordsUrl === undefined) {
      throw new SalesforceError(`${resource} broke off: there is no next page`, 'BAD_ANSWER', 'transient');
    }
    url = page.done ? undefined : page.nextRecordsUrl;
  }
}

/** All records that a query finds, at once. @throws SalesforceError */
export async function queryRows(
  connection: Connection,
  resource: QueryResource,
  soql: string,
): Promise<RestRow[]> {
  const rows: RestRow[] = [];
  for await (const page of queryPages(connection, resource, soql)) rows.push(...page);
  return rows;
}
