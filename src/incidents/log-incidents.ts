import type pg from 'pg';
import type { AppContext } from '../context.ts';
import { runLoop } from '../run-loop.ts';

const pollIntervalMs = 60_000;
const retryMs = 5_000;

/** Logs each incident of a topic when it is opened and when it is closed, whichever process did it. */
export async function logIncidents(
  { pool, topic, wakeUps, logger }: Pick<AppContext, 'pool' | 'topic' | 'wakeUps' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  let known: KnownIncidents | undefined;
  await runLoop({
    step: async () => {
      const next = compareIncidents(known, await readIncidents(pool, topic, known));
      known = next.known;
      for (const { id, cause, detail, extent, accounts, events } of next.opened) {
        logger.warn({ incident: id, cause, detail, extent, accounts, events }, 'incident opened');
      }
      for (const { id, cause, seconds } of next.closed) {
        logger.info({ incident: id, cause, seconds }, 'incident closed');
      }
      return 'wait';
    },
    wakeOn: (ms) => wakeUps.next('incident', ms),
    pollMs: pollIntervalMs,
    // A database that is unreachable is reported elsewhere; what was missed is found by the next query.
    onFailure: () => {},
    backoff: () => retryMs,
    signal,
  });
}

/** The greatest known id, and the incidents that were open. */
export type KnownIncidents = { readonly newest: string; readonly open: ReadonlySet<string> };

export type IncidentLine = {
  readonly id: string;
  readonly state: string;
  readonly cause: string;
  readonly detail: string;
  readonly extent: string;
  /** The number of listed accounts. */
  readonly accounts: number;
  /** Ids of the first five events. */
  readonly events: readonly string[];
  /** Duration in seconds. */
  readonly seconds: number;
};

/** Finds opened and closed incidents. Those of the first query are not reported. */
export function compareIncidents(
  known: KnownIncidents | undefined,
  rows: readonly IncidentLine[],
): { readonly known: KnownIncidents; readonly opened: IncidentLine[]; readonly closed: IncidentLine[] } {
  const newest = rows.reduce(
    (max, { id }) => (BigInt(id) > max ? BigInt(id) : max),
    BigInt(known?.newest ?? 0),
  );
  const open = new Set(rows.filter(({ state }) => state !== 'closed').map(({ id }) => id));
  const next = { newest: newest.toString(), open };
  if (known === undefined) return { known: next, opened: [], closed: [] };
  const isNew = ({ id }: IncidentLine): boolean => BigInt(id) > BigInt(known.newest);
  return {
    known: next,
    opened: rows.filter(isNew),
    closed: rows.filter((row) => row.state === 'closed' && (isNew(row) || known.open.has(row.id))),
  };
}

async function readIncidents(
  pool: pg.Pool,
  topic: string,
  known: KnownIncidents | undefined,
): Promise<IncidentLine[]> {
  const { rows } = await pool.query<IncidentLine>({
    name: 'read-incident-lines',
    text: `select id::text as id, state, cause, detail, extent, cardinality(account_ids) as accounts,
                  (event_ids[1:5])::text[] as events,
                  round(extract(epoch from coalesce(closed_at, now()) - opened_at))::int as seconds
             from incidents
            where topic = $1 and (state <> 'closed' or id > coalesce($2::bigint, (select max(id) - 1 from incidents)) or id = any($3::bigint[]))
            order by incidents.id limit 1000`,
    values: [topic, known?.newest ?? null, known === undefined ? [] : [...known.open]],
  });
  return rows;
}
