import type { Queryable } from '../db/database.ts';

/**
 * Deletes up to `limit` applied or skipped events that were received before a time, the oldest first. Stored and failed
 * events are kept.
 *
 * @returns the number of events
 */
export async function deleteOldEvents(client: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-events',
    text: `with old as (
             select id from events where received_at < $1 and coalesce(applied_at, received_at) < $1 and state in ('applied', 'skipped')
              order by received_at limit $2 for update skip locked)
           delete from events e using old where e.id = old.id`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}
