import type pg from 'pg';
import { inTransaction } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

/**
 * Puts a failed event back among the waiting ones; merging it late does no harm.
 * @returns false where there is no failed event with this id
 */
export function retryEvent(pool: pg.Pool, id: bigint): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query({
      name: 'retry-event',
      text: `update events set state = 'stored', error = null, position = null, applied_at = null
              where id = $1 and state = 'failed'`,
      values: [id],
    });
    await sendWakeUp(client, 'apply');
    return rowCount === 1;
  });
}
