import type pg from 'pg';
import type { Queryable } from '../db/database.ts';

/** Rows that one statement of a scan looks at: however large the mirror is, it ends in time. */
export const scanRows = 50_000;

/**
 * Goes through the accounts in the order of their ids, a stretch at a time.
 * @param statement looks at the next {@link scanRows} accounts behind an id, and answers one row: `ids`, those that it
 *   is about, and `last`, the last one that it looked at
 */
export async function* scanAccounts(
  client: Queryable,
  statement: (after: string) => pg.QueryConfig,
): AsyncGenerator<string[]> {
  for (let after: string | null = ''; after !== null; ) {
    type HistorySlice = { readonly ids: string[] | null; readonly last: string | null };
    const { rows }: { rows: HistorySlice[] } = await client.query<HistorySlice>(statement(after));
    const ids = rows[0]?.ids ?? [];
    if (ids.length > 0) yield ids;
    after = rows[0]?.last ?? null;
  }
}
