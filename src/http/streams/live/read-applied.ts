import type pg from 'pg';
import type { HttpDependencies } from '../../dependencies.ts';
import { type EventRow, eventColumns, eventDetailJson } from '../../views/event.ts';
import { encodeStreamId } from './stream-id.ts';

/** An event in the order of effect, written once for all who read it. */
export type LiveEvent = {
  readonly position: bigint;
  readonly transactionKey: string | null;
  readonly state: string;
  readonly changeType: string | null;
  readonly entityName: string | null;
  readonly recordIds: readonly string[];
  /** As it is sent. */
  readonly text: string;
};

export type LogEnds = { readonly log: string; readonly oldest: bigint; readonly newest: bigint };

/** The name of the log, and the places of its first and its last event; 0 and 0 where it has none. */
export async function readLogEnds(pool: pg.Pool): Promise<LogEnds> {
  const { rows } = await pool.query<LogEnds>({
    name: 'log-ends',
    // Every database was migrated once, under a random id; copies of it go on with the same log.
    text: `select (select left(md5(id), 12) from _prisma_migrations order by started_at, id limit 1) as log,
                  -- Failed ones stay when those around them are deleted: they say nothing of where the log begins.
                  coalesce((select position from events where position is not null and state in ('applied', 'skipped')
                             order by position limit 1), 0) as oldest,
                  coalesce((select max(position) from events), 0) as newest`,
  });
  const [ends] = rows;
  if (ends === undefined) throw new Error('The ends of the log are not known.');
  return ends;
}

export type AppliedPage = { readonly events: readonly LiveEvent[]; readonly more: boolean };

const pageLimit = { events: 500, bytes: 4 * 1024 ** 2 };

/**
 * The events behind a position, in the order of effect: whole transactions, unless one is larger than a page.
 * What is seen is complete up to its last one: positions are drawn under a lock that is held until the commit.
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
                     from (select * from events where position > $1 order by position limit $2) first_ones) measured
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

/** Without the last transaction, which may go on behind the page, unless there is no other. */
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
