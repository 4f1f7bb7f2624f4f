import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { PageFaults } from './bulk-job.ts';
import type { QueryRows } from './bulk-rows.ts';
import { csvWriter } from './csv.ts';

/** The rows of a page, and the first row of the next one. */
export const pageOf = (rows: number, start: number, wanted: number, { maxRows }: PageFaults): ResultPage => {
  const end = Math.min(rows, start + Math.min(wanted, maxRows ?? wanted));
  return { start, end, next: end < rows ? end : null };
};

/**
 * The CSV of a page in pieces, with a header row. Pieces are generated on demand, so that neither a page nor a
 * result is in memory as a whole.
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
  throw new Error('the connection is cut by a fault');
}

const rowsPerPiece = 250;

/** Rows from `start` to `end`, exclusive; `next` is null on the last page. */
type ResultPage = { readonly start: number; readonly end: number; readonly next: number | null };
