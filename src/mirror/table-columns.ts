import type { Queryable } from '../db/database.ts';
import { quoted } from './mirror-table.ts';

export const tableName = 'account';

/**
 * Locks the views in the order in which readers do, before the table: a reader locks a view and then what it reads. In
 * another order, readers and the change would wait for each other.
 */
export async function lockViews(client: Queryable, table: string): Promise<void> {
  // Changes nothing: LOCK TABLE would also lock all tables that the view reads.
  for (const view of [beside(table, 'history'), beside(table, 'live'), 'accounts'])
    await client.query(`alter view if exists ${view} alter column id drop default`);
}

/** The qualified name of a view next to the table. */
export function beside(table: string, suffix: string): string {
  return table.replace(/[^.]+$/, quoted(`${tableName}_${suffix}`));
}

/** Reads the names of the columns of a table. */
export async function readColumnNames(client: Queryable, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    [table],
  );
  return rows.map(({ name }) => name);
}
