import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { Connection } from 'jsforce';
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
  /** Streamed. @throws SalesforceError if the page is incomplete */
  readonly rows: AsyncIterable<readonly string[]>;
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
  const rows = parseRows(answer.body)[Symbol.asyncIterator]();
  const head = await rows.next();
  return {
    columns: head.done === true ? [] : head.value,
    records,
    next: locator === null || locator === '' || locator === 'null' ? null : locator,
    rows: checked(rows, records),
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

async function* parseRows(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  const parser = parse({ bom: true });
  source.on('error', (error) => parser.destroy(error));
  try {
    for await (const row of source.pipe(parser)) yield row as string[];
  } catch (error) {
    throw error instanceof CsvError ? incomplete(error.message) : fromRestError(error);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

async function* checked(
  rows: AsyncIterator<readonly string[], unknown>,
  expected: number,
): AsyncGenerator<readonly string[]> {
  let count = 0;
  try {
    for (let row = await rows.next(); row.done !== true; row = await rows.next()) {
      count++;
      yield row.value;
    }
  } finally {
    await rows.return?.();
  }
  if (count !== expected) throw incomplete(`it has ${count} records instead of ${expected}`);
}

function incomplete(reason: string): SalesforceError {
  return badAnswer(`incomplete page of bulk results: ${reason}`);
}
