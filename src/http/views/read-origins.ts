import type pg from 'pg';
import type { ListedEntry } from '../../history/list-entries.ts';
import { type EventRow, eventColumns } from './event.ts';
import type { ChangeOrigin } from './history.ts';

/** Reads the origin of each change, in the same order. */
export async function readOrigins(pool: pg.Pool, list: readonly ListedEntry[]): Promise<ChangeOrigin[]> {
  const ids = list.flatMap(({ entry: { origin } }) => (origin.eventId === null ? [] : [origin.eventId]));
  const events = ids.length === 0 ? [] : await readEvents(pool, ids);
  const byId = new Map(events.map((event) => [event.id, event]));
  // The first entry of a history does not store its resync, which is found by the time of the read.
  const first = list.find(({ base, kind }) => base !== null && kind === 'reading');
  const resyncId = first === undefined ? null : await findResyncId(pool, first.entry.version[3]);
  return list.map(({ base, entry: { origin } }) => ({
    event: origin.eventId === null ? undefined : byId.get(origin.eventId),
    resyncId: base === null ? null : resyncId,
  }));
}

async function readEvents(pool: pg.Pool, ids: readonly bigint[]): Promise<EventRow[]> {
  const { rows } = await pool.query<EventRow>({
    name: 'events-of-changes',
    text: `select ${eventColumns.text} from event_log where id = any($1::bigint[])`,
    values: [ids],
  });
  return rows;
}

async function findResyncId(pool: pg.Pool, readAt: number): Promise<string | null> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'resync-of-reading',
    text: `select id from resyncs where read_at = to_timestamp($1::bigint / 1000.0)::timestamptz(3) limit 1`,
    values: [readAt],
  });
  return rows[0]?.id ?? null;
}
