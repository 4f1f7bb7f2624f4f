import type pg from 'pg';
import { inTransaction, type Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { requestResync } from '../resync/request-resync.ts';
import { activeStates } from '../resync/resync-claim.ts';
import { readCalculatedNames } from './field-rows.ts';

const reason = 'calculated fields';

/** Orders a read of the selected calculated fields in all records, unless one is active. */
export async function requestCalculatedRefresh(pool: pg.Pool, jobs: Jobs): Promise<void> {
  await inTransaction(pool, async (client) => {
    const fields = await readCalculatedNames(client);
    const active = await client.query({
      name: 'active-calculated-refresh',
      text: `select from resyncs where scope = 'fields' and reason = $1 and state in ${activeStates} limit 1`,
      values: [reason],
    });
    if (fields.length === 0 || active.rowCount !== 0) return;
    await requestResync(client, jobs.enqueueResync, { scope: 'fields', reason, fields });
  });
}

/** Up to when the selected calculated fields are known: the last complete read of them; null before the first. */
export async function readRefreshedAt(client: Queryable, names: readonly string[]): Promise<Date | null> {
  if (names.length === 0) return null;
  const { rows } = await client.query<{ at: Date | null }>({
    name: 'read-calculated-refreshed-at',
    text: `select max(read_at) as at from resyncs
            where mode = 'repair' and state = 'done' and (scope = 'all' or (scope = 'fields' and fields @> $1::text[]))`,
    values: [names],
  });
  return rows[0]?.at ?? null;
}
