// Hot statements: hand-written.
import type pg from 'pg';
import type { HttpDependencies } from '../../server-types.ts';
import { type EventRow, eventColumns, eventDetailJson } from '../../views/event.ts';
import { encodeStreamId } from './stream-id.ts';

/** An applied event, serialized once for all readers. */
export type LiveEvent = {
  readonly position: bigint;
  readonly transactionKey: string | null;
  readonly state: string;
  readonly changeType: string | null;
  readonly entityName: string | null;
  readonly recordIds: readonly string[];
  /** The text of the stream. */
  readonly text: string;
};

export type LogEnds = { readonly log: string; readonly oldest: bigint; readonly newest: bigint };

/** Reads the name of the log and the positions of its first and last event; 0 and 0 if it is empty. */
export async function readLogEnds(pool: pg.Pool): Promise<LogEnds> {
  const { rows } = await pool.query<LogEnds>({
    name: 'log-ends',
    // The first migration has a random id: it identifies the database and its copies.
    text: `select (select left(md5(id), 12) from _prisma_migrations order by started_at, id limit 1) as log,
                  -- Failed events outlive the retention period, so they do not mark the start of the log.
                  coalesce((select position from event_outcomes where state in ('applied', 'skipped')
                             order by position limit 1), 0) as oldest,
                  coalesce((select max(position) from event_outcomes), 0) as newest`,
  });
  const [ends] = rows;
  if (ends === undefined) throw new Error('PostgreSQL returned no row for the ends of the log');
  return ends;
}

export type AppliedPage = { readonly events: readonly LiveEvent[]; readonly more: boolean };

const pageLimit = { events: 500, bytes: 4 * 1024 ** 2 };

/**
 * Reads the events after a position in the order of application: whole transactions, unless one exceeds a page.
 * The page has no gaps: positions are assigned under a lock that is held until the commit.
 */
export async function readApplied(
  { pool, decodeEvents }: Pick<HttpDependencies, 'pool' | 'decodeEvents'>,
  log: string,
  after: bigint,
): Promise<AppliedPage> {
  const { rows } = await pool.query<AppliedRow>({
    name: 'read-applied',
    text: `select ${eventColumns.sql}, payload, replay_id as "replayId"
             from (select *, sum(octet_length(payload)) over (order by position) - octet_length(payload) as bytes_before
                     from (select * from event_log where position > $1 order by position limit $2) first_ones) measured
            where bytes_before < $3
            order by position`,
    values: [after, pageLimit.events + 1, pageLimit.bytes],
  });
  const more = rows.length > pageLimit.events || bytesOf(rows) >= pageLimit.bytes;
  const whole = more ? wholeTransactions(rows) : rows;
  const decoded = await decodeEvents(whole);
  const events = whole.map((row, index) => liveEvent(log, row, eventDetailJson(row, decoded[index])));
  return { events, more };
}

/** Removes the last transaction, which may continue on the next page, unless it is the only one. */
function wholeTransactions(rows: readonly AppliedRow[]): readonly AppliedRow[] {
  const key = rows.at(-1)?.transactionKey ?? null;
  if (key === null) return rows;
  const end = rows.findLastIndex(({ transactionKey }) => transactionKey !== key) + 1;
  return end > 0 ? rows.slice(0, end) : rows;
}

function bytesOf(rows: readonly AppliedRow[]): number {
  return rows.reduce((sum, { payload }) => sum + payload.length, 0);
}

function liveEvent(log: string, row: AppliedRow, json: object): LiveEvent {
  const position = row.position ?? 0n;
  const { transactionKey, state, changeType, entityName, recordIds } = row;
  const text = `id: ${encodeStreamId({ log, position })}\nevent: change\ndata: ${JSON.stringify(json)}\n\n`;
  return { position, transactionKey, state, changeType, entityName, recordIds, text };
}

type AppliedRow = EventRow & {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly replayId: Uint8Array<ArrayBuffer> | null;
};
