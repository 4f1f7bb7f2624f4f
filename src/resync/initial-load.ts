import type pg from 'pg';
import { inTransaction } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';

/**
 * Enqueues the first read of all accounts, unless an initial load is active in any process. The unique index
 * `resyncs_one_initial_load` admits one row at a time: an insert waits for a concurrent one to commit.
 */
export async function requestInitialLoad(pool: pg.Pool, jobs: Jobs): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string }>({
      name: 'insert-initial-load',
      text: `insert into resyncs (scope, reason, account_ids) values ('all', 'initial', '{}')
             on conflict do nothing returning id`,
    });
    for (const { id } of rows) await jobs.enqueueResync(client, { id, scope: 'all' });
  });
}
