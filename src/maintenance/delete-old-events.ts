import type { Queryable } from '../db/database.ts';

/**
 * Deletes up to `limit` events that were received before a time, the oldest first, with their outcomes. Queued and failed
 * events are kept.
 *
 * @returns the number of events
 */
export async function deleteOldEvents(client: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'delete-old-events',
    text: `with old as (
             select e.id from events e join event_outcomes o on o.event_id = e.id
              where e.received_at < $1 and o.applied_at < $1 and o.state not in ('stored', 'failed')
              order by e.received_at limit $2 for update skip locked),
           outcomes as (delete from event_outcomes o using old where o.event_id = old.id)
           delete from events e using old where e.id = old.id`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}
