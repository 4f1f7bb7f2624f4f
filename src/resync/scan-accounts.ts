import type pg from 'pg';
import type { Queryable } from '../db/database.ts';

// Rows that one statement scans: it ends in time for a mirror of any size.
const scanRows = 50_000;

/**
 * Scans the accounts by keyset pagination.
 * @param statement scans the next {@link scanRows} accounts after an id and returns one row: the selected `ids`, and
 *   `last`, the last id that it scanned
 */
async function* scanAccounts(
  client: Queryable,
  statement: (after: string) => pg.QueryConfig,
): AsyncGenerator<string[]> {
  for (let after: string | null = ''; after !== null; ) {
    type ScannedRow = { readonly ids: string[] | null; readonly last: string | null };
    const { rows }: { rows: ScannedRow[] } = await client.query<ScannedRow>(statement(after));
    const ids = rows[0]?.ids ?? [];
    if (ids.length > 0) yield ids;
    after = rows[0]?.last ?? null;
  }
}

/** Existing accounts of the mirror that a complete comparison did not see. */
export function scanUnseenIds(client: Queryable, resyncId: string): AsyncGenerator<string[]> {
  return scanAccounts(client, (after) => ({
    name: 'unseen-accounts',
    text: `with scanned as (select id, deleted from accounts where id > $2 order by id limit ${scanRows})
           select max(s.id) as last,
                  array_agg(s.id order by s.id) filter (where not s.deleted and r.account_id is null) as ids
             from scanned s left join resync_seen r on r.resync_id = $1 and r.account_id = s.id`,
    values: [resyncId, after],
  }));
}

/** Existing accounts whose last complete value is older than a snapshot. */
export function scanUnreadIds(client: Queryable, readAt: number): AsyncGenerator<string[]> {
  return scanAccounts(client, (after) => ({
    name: 'missing-accounts',
    text: `with scanned as (select id, deleted, base_version from accounts where id > $1 order by id limit ${scanRows})
           select max(id) as last,
                  array_agg(id order by id)
                    filter (where not deleted and split_part(base_version, '.', 4)::bigint < $2) as ids
             from scanned`,
    values: [after, readAt],
  }));
}
