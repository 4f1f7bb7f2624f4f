import type pg from 'pg';
import { inTransaction, type Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';

/** Enqueues the first reading of all accounts, unless one has not ended yet, of whichever process. */
export async function requestInitialLoad(pool: pg.Pool, jobs: Jobs): Promise<void> {
  await inTransaction(pool, async (client) => {
    const id = await insertInitialLoad(client);
    if (id !== undefined) await jobs.enqueueResync(client, id);
  });
}

/**
 * The unique index `resyncs_one_initial_load` admits one row at a time: an insert waits for a concurrent one to commit.
 * @returns the id, undefined if an initial load has not ended yet
 */
async function insertInitialLoad(client: Queryable): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'insert-initial-load',
    text: `insert into resyncs (scope, reason, account_ids) values ('all', 'initial', '{}')
           on conflict do nothing returning id`,
  });
  return rows[0]?.id;
}
