import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { Connection } from 'jsforce';
import { fromRestError, restFailure, SalesforceError } from './error.ts';

/** One page of a bulk result. Each page begins with a row of its own that heads the columns. */
export type BulkPage = {
  readonly columns: readonly string[];
  /** What Salesforce says that the page holds. */
  readonly records: number;
  /** The page behind this one; null at the end. Opaque. */
  readonly next: string | null;
  /** Streamed: only what is being worked on is in memory. @throws SalesforceError where the page breaks off */
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
  let answer = await get(connection, request);
  if (answer.status === 401) {
    // jsforce renews a token when one of its own requests meets an expired one.
    await connection.request('/limits');
    answer = await get(connection, request);
  }
  noteUsage(connection, answer);
  if (!answer.ok || answer.body === null) throw await refusal(answer);
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
  try {
    return await fetch(url, { headers, signal });
  } catch (error) {
    throw signal.aborted ? error : fromRestError(error);
  }
}

async function* parseRows(body: ReadableStream<Uint8Array>): AsyncGenerator<string[]> {
  const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  const parser = parse({ bom: true });
  source.on('error', (error) => parser.destroy(error));
  try {
    for await (const row of source.pipe(parser)) yield row as string[];
  } catch (error) {
    throw error instanceof CsvError ? brokenOff(error.message) : fromRestError(error);
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
  if (count !== expected) throw brokenOff(`it has ${count} records instead of ${expected}`);
}

function brokenOff(why: string): SalesforceError {
  return new SalesforceError(`A page of bulk results broke off: ${why}`, 'BAD_ANSWER', 'transient');
}

async function refusal(answer: Response): Promise<SalesforceError> {
  const text = await answer.text().catch(() => '');
  const [first] = parseErrors(text);
  const code = first?.errorCode ?? `ERROR_HTTP_${answer.status}`;
  return new SalesforceError(
    first?.message ?? `Salesforce answered ${answer.status}`,
    code,
    restFailure(code),
  );
}

function parseErrors(text: string): { readonly errorCode?: string; readonly message?: string }[] {
  try {
    return [JSON.parse(text)].flat();
  } catch {
    return [];
  }
}

/** What jsforce notes of its own requests. */
function noteUsage(connection: Connection, { headers }: Response): void {
  const [, used, limit] = /api-usage=(\d+)\/(\d+)/.exec(headers.get('sforce-limit-info') ?? '') ?? [];
  if (used === undefined || limit === undefined) return;
  connection.limitInfo = { apiUsage: { used: Number(used), limit: Number(limit) } };
}
