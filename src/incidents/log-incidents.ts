import type pg from 'pg';
import type { Logger } from 'pino';
import type { WakeUps } from '../db/wake-up.ts';

export type IncidentLogContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly logger: Logger;
};

const pollIntervalMs = 60_000;

/**
 * Logs each incident of a topic when it is opened and when it is closed, whichever process did it. One process at a
 * time does this: the one that follows the topic.
 */
export async function logIncidents(
  { pool, topic, logger }: IncidentLogContext,
  wakeUps: Pick<WakeUps, 'next'>,
  signal: AbortSignal,
): Promise<void> {
  let known: KnownIncidents | undefined;
  while (!signal.aborted) {
    const woken = nextOrAbort(wakeUps, signal);
    // A database that is away is reported elsewhere; what was missed is found by the next query.
    const rows = await readIncidents(pool, topic, known).catch(() => undefined);
    if (rows !== undefined) {
      const next = compareIncidents(known, rows);
      known = next.known;
      for (const { id, cause, detail } of next.opened) {
        logger.warn({ incident: id, cause }, `incident opened: ${detail}`);
      }
      for (const { id, cause, seconds } of next.closed) {
        logger.info({ incident: id, cause, seconds }, 'incident closed');
      }
    }
    await woken;
  }
}

async function nextOrAbort(wakeUps: Pick<WakeUps, 'next'>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (!signal.aborted) await Promise.race([wakeUps.next('incident', pollIntervalMs), aborted]);
  signal.removeEventListener('abort', onAbort);
}

/** What was seen before: the greatest id, and the incidents that were open. */
export type KnownIncidents = { readonly newest: string; readonly open: ReadonlySet<string> };

export type IncidentLine = {
  readonly id: string;
  readonly state: string;
  readonly cause: string;
  readonly detail: string;
  /** How long it has been open. */
  readonly seconds: number;
};

/** What is news. Whatever was there at the first look is none. */
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
    text: `select id::text as id, state, cause, detail,
                  round(extract(epoch from coalesce(closed_at, now()) - opened_at))::int as seconds
             from incidents
            where topic = $1 and (state <> 'closed' or id > coalesce($2::bigint, (select max(id) - 1 from incidents)) or id = any($3::bigint[]))
            order by incidents.id limit 1000`,
    values: [topic, known?.newest ?? null, known === undefined ? [] : [...known.open]],
  });
  return rows;
}
