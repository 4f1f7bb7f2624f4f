import { CsvError, createCsvParser } from './csv.ts';
import { badAnswer, fromRestError, type SalesforceError } from './error.ts';
import type { Org } from './org.ts';

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
export async function openBulkPage(
  { connection, openResponse }: Pick<Org, 'connection' | 'openResponse'>,
  { jobId, locator: from, maxRecords, signal }: BulkPageRequest,
): Promise<BulkPage> {
  const query = new URLSearchParams({
    maxRecords: String(maxRecords),
    ...(from !== null && { locator: from }),
  });
  const path = `/services/data/v${connection.version}/jobs/query/${encodeURIComponent(jobId)}/results?${query}`;
  const answer = await openResponse(path, { accept: 'text/csv' }, signal);
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
      // Not at the end only: a response may be endless.
      if (count > expected) break;
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
