import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

/**
 * Makes the earliest failed one of these events pending again. Merging it late is safe, because versions decide.
 * @returns its id; undefined if none of them has failed
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
