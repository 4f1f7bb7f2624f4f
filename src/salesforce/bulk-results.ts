import type { Connection } from 'jsforce';
import { CsvError, createCsvParser } from './csv.ts';
import { badAnswer, fromRestError, SalesforceError } from './error.ts';
import { restRefusal } from './rest-refusal.ts';
import { parseUsage } from './rest-transport.ts';

/** One page of a bulk result. Each page begins with a header row. */
export type BulkPage = {
  readonly columns: readonly string[];
  /** Number of records in the page, by the response header. */
  readonly records: number;
  /** Locator of the next page, opaque; null at the end. */
  readonly next: string | null;
  /** Rows as they arrive, many at a time. @throws SalesforceError if the page is incomplete */
  readonly rows: AsyncIterable<readonly (readonly string[])[]>;
};

export type BulkPageRequest = {
  readonly jobId: string;
  /** Null for the first page. */
  readonly locator: string | null;
  readonly maxRecords: number;
  readonly signal: AbortSignal;
};

/**
 * Opens a page of the results of a finished query job.
 * Source: "Get Results for a Query Job", Bulk API 2.0 guide.
 * @throws SalesforceError
 */
export async function openBulkPage(connection: Connection, request: BulkPageRequest): Promise<BulkPage> {
  const answer = await getWithRetry(connection, request);
  if (answer.body === null) throw incomplete('it has no body');
  const records = Number(answer.headers.get('sforce-numberofrecords') ?? Number.NaN);
  const locator = answer.headers.get('sforce-locator');
  const groups = parseRows(answer.body);
  const { value: [columns = [], ...first] = [] } = await groups.next();
  return {
    columns,
    records,
    next: locator === null || locator === '' || locator === 'null' ? null : locator,
    rows: checked(first, groups, records),
  };
}

/** Retries once with another session: a request of the connection replaces a refused token or an outdated host. */
async function getWithRetry(connection: Connection, request: BulkPageRequest): Promise<Response> {
  const { accessToken, instanceUrl } = connection;
  try {
    return await get(connection, request);
  } catch (error) {
    if (!(error instanceof SalesforceError) || !mayHaveOtherSession(error)) throw error;
    await connection.request('/limits');
    if (connection.accessToken === accessToken && connection.instanceUrl === instanceUrl) throw error;
    return get(connection, request);
  }
}

function mayHaveOtherSession({ failure, code }: SalesforceError): boolean {
  return failure === 'auth' || failure === 'transient' || code.startsWith('ERROR_HTTP_');
}

async function get(
  connection: Connection,
  { jobId, locator, maxRecords, signal }: BulkPageRequest,
): Promise<Response> {
  const url = new URL(
    `/services/data/v${connection.version}/jobs/query/${encodeURIComponent(jobId)}/results`,
    connection.instanceUrl,
  );
  url.searchParams.set('maxRecords', String(maxRecords));
  if (locator !== null) url.searchParams.set('locator', locator);
  const headers = { authorization: `Bearer ${connection.accessToken ?? ''}`, accept: 'text/csv' };
  let answer: Response;
  try {
    answer = await fetch(url, { headers, signal, redirect: 'manual' });
  } catch (error) {
    throw signal.aborted ? error : fromRestError(error);
  }
  const usage = parseUsage(answer.headers.get('sforce-limit-info'));
  if (usage !== undefined) connection.limitInfo = { apiUsage: usage };
  if (answer.ok) return answer;
  const body = await answer.text().catch(() => '');
  throw restRefusal(
    { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body },
    url.href,
  );
}

/** Groups of rows that arrived together; none is empty. */
async function* parseRows(body: ReadableStream<Uint8Array>): AsyncGenerator<string[][], undefined> {
  const parser = createCsvParser();
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) {
      const rows = parser.push(decoder.decode(chunk, { stream: true }));
      if (rows.length > 0) yield rows;
    }
    const rows = [...parser.push(decoder.decode()), ...parser.end()];
    if (rows.length > 0) yield rows;
  } catch (error) {
    throw error instanceof CsvError ? incomplete(error.message) : fromRestError(error);
  }
}

async function* checked(
  first: string[][],
  groups: AsyncGenerator<string[][], undefined>,
  expected: number,
): AsyncGenerator<string[][]> {
  let count = first.length;
  try {
    yield first;
    for await (const rows of groups) {
      count += rows.length;
      yield rows;
    }
  } finally {
    await groups.return(undefined);
  }
  if (count !== expected) throw incomplete(`it has ${count} records instead of ${expected}`);
}

function incomplete(reason: string): SalesforceError {
  return badAnswer(`incomplete page of bulk results: ${reason}`);
}
