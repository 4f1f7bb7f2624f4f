import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

/**
 * Puts the earliest failed one of these events back among the waiting ones; merging it late does no harm.
 * @returns its id; undefined where none of them is a failed event
 */
export async function retryEvent(client: Queryable, ids: readonly bigint[]): Promise<bigint | undefined> {
  const { rows } = await client.query<{ id: bigint }>({
    name: 'retry-event',
    text: `update events set state = 'stored', error = null, position = null, applied_at = null
            where id = (select id from events where id = any($1) and state = 'failed' order by id limit 1 for update)
            returning id`,
    values: [ids],
  });
  await sendWakeUp(client, 'apply');
  return rows[0]?.id;
}
