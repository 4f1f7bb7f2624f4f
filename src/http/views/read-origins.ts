import type pg from 'pg';
import type { ListedEntry } from '../../history/list-entries.ts';
import { type EventRow, eventColumns } from './event.ts';
import type { KnownOrigin } from './history.ts';

/** What the log says of where changes come from, in their order. */
export async function readOrigins(pool: pg.Pool, list: readonly ListedEntry[]): Promise<KnownOrigin[]> {
  const ids = list.flatMap(({ entry: { origin } }) => (origin.eventId === null ? [] : [origin.eventId]));
  const events = ids.length === 0 ? [] : await readEvents(pool, ids);
  const byId = new Map(events.map((event) => [event.id, event]));
  // A first reading is not written down: the resync that it belongs to is known by its moment.
  const begins = list.find(({ base, kind }) => base !== null && kind === 'reading');
  const resyncId = begins === undefined ? null : await resyncOf(pool, begins.entry.version[3]);
  return list.map(({ base, entry: { origin } }) => ({
    event: origin.eventId === null ? undefined : byId.get(origin.eventId),
    resyncId: base === null ? null : resyncId,
  }));
}

async function readEvents(pool: pg.Pool, ids: readonly bigint[]): Promise<EventRow[]> {
  const { rows } = await pool.query<EventRow>({
    name: 'events-of-changes',
    text: `select ${eventColumns.text} from events where id = any($1::bigint[])`,
    values: [ids],
  });
  return rows;
}

async function resyncOf(pool: pg.Pool, readAt: number): Promise<string | null> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'resync-of-reading',
    text: `select id from resyncs where read_at = to_timestamp($1::bigint / 1000.0)::timestamptz(3) limit 1`,
    values: [readAt],
  });
  return rows[0]?.id ?? null;
}
