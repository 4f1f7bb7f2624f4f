import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { PageFaults } from './bulk-job.ts';
import type { QueryRows } from './bulk-rows.ts';
import { csvWriter } from './csv.ts';

/** What a page of a result holds, and where the next one begins. */
export const pageOf = (rows: number, start: number, wanted: number, { maxRows }: PageFaults): ResultPage => {
  const end = Math.min(rows, start + Math.min(wanted, maxRows ?? wanted));
  return { start, end, next: end < rows ? end : null };
};

/**
 * The CSV of a page in pieces, the header row in front. It is written while it is read, so that neither a page
 * nor a result is ever held as a whole.
 */
export async function* pageCsv(
  { fields, records }: QueryRows,
  lineEnding: 'LF' | 'CRLF',
  { start, end }: ResultPage,
  { cutAfter, missing = 0, trickle }: PageFaults,
): AsyncGenerator<string> {
  const writer = csvWriter(fields, lineEnding);
  const last = Math.max(start, Math.min(end - missing, start + (cutAfter ?? end)));
  yield writer.header;
  const step = trickle?.rows ?? rowsPerPiece;
  for (let from = start; from < last; from += step) {
    if (trickle) await wait(trickle.delayMs, undefined, { ref: false });
    yield writer.rows(records, from, Math.min(from + step, last));
  }
  if (cutAfter === undefined) return;
  await nextTurn();
  throw new Error('the connection is cut on purpose');
}

const rowsPerPiece = 250;

/** Rows from `start` up to `end`, that one not included; `next` is null on the last page. */
export type ResultPage = { readonly start: number; readonly end: number; readonly next: number | null };
