import type pg from 'pg';
import { Prisma } from '../../db/generated/client.ts';

/**
 * Counts rows exactly where PostgreSQL's planner finds that cheap, else answers the planner's estimate,
 * which costs nothing however great the table is.
 * @param from what follows `FROM`, such as `accounts WHERE deleted`
 */
export async function countRows(pool: pg.Pool, from: Prisma.Sql): Promise<RowCount> {
  const rows = Prisma.sql`SELECT 1 FROM ${from}`;
  const plan = await planOf(pool, rows);
  if (plan['Total Cost'] > greatestCost) return { count: Math.round(plan['Plan Rows']), exact: false };
  const { text, values } = Prisma.sql`SELECT count(*)::int AS count FROM ${from}`;
  const result = await pool.query<{ count: number }>({ text, values });
  return { count: result.rows[0]?.count ?? 0, exact: true };
}

// In the planner's units, of which one is about a page read in sequence: some tens of megabytes.
const greatestCost = 5_000;

async function planOf(pool: pg.Pool, query: Prisma.Sql): Promise<Plan> {
  const { text, values } = Prisma.sql`EXPLAIN (FORMAT JSON) ${query}`;
  const result = await pool.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>({ text, values });
  const plan = result.rows[0]?.['QUERY PLAN'][0]?.Plan;
  if (plan === undefined) throw new Error('PostgreSQL answered no plan');
  return plan;
}

export type RowCount = { readonly count: number; readonly exact: boolean };

type Plan = { readonly 'Total Cost': number; readonly 'Plan Rows': number };
