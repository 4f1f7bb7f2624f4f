import type pg from 'pg';
import { inTransaction } from '../../db/database.ts';
import type { Jobs } from '../jobs.ts';
import { requestResync } from './request-resync.ts';

/** Enqueues the first reading of all accounts, unless one is under way from an earlier start. */
export async function requestInitialLoad(pool: pg.Pool, jobs: Jobs): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `select 1 from resyncs where reason = 'initial' and state in ('queued', 'reading', 'applying') limit 1`,
    );
    if ((rowCount ?? 0) > 0) return;
    await jobs.enqueueResync(client, await requestResync(client, { scope: 'all', reason: 'initial' }));
  });
}
