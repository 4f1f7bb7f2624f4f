import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

/**
 * Returns the earliest failed one of these events to the queue; one whose failure has ended if none is still failed.
 * Merging it late is safe, because versions decide. Its outcome keeps its position until the next one replaces it, so
 * that the last position of the log never decreases.
 *
 * @returns its id; undefined if none of them has failed
 */
export async function retryEvent(client: Queryable, ids: readonly bigint[]): Promise<bigint | undefined> {
  const { rows } = await client.query<{ id: bigint }>({
    name: 'retry-event',
    text: `with retried as (
             update event_outcomes set state = 'stored', error = null, applied_at = null, dismissal = null
              where event_id = (select event_id from event_outcomes
                                 where event_id = any($1) and state in ('failed', 'repaired', 'dismissed')
                                 order by state <> 'failed', event_id limit 1 for update)
             returning event_id, attempts, transaction_key)
           insert into event_queue (topic, event_id, attempts, transaction_key, received_at)
           select e.topic, e.id, r.attempts,
                  case when e.source = 'webhook' then coalesce(r.transaction_key, e.event_id) end, e.received_at
             from retried r join events e on e.id = r.event_id
           returning event_id as id`,
    values: [ids],
  });
  await sendWakeUp(client, 'apply');
  return rows[0]?.id;
}
