import type pg from 'pg';
import type { Static } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import type { StatusSchema } from '../schemas/status.ts';

/** Counts accounts, incidents and events. Counts of large sets are estimates, listed in `estimated`. */
export async function readCounts(pool: pg.Pool): Promise<Static<typeof StatusSchema>['counts']> {
  const estimated: string[] = [];
  const count = async (name: string, from: Prisma.Sql): Promise<number> => {
    const { count, exact } = await countRows(pool, from);
    if (!exact) estimated.push(name);
    return count;
  };
  const codes = (state: string): Promise<number> =>
    count(
      `accounts.byCodeState.${state}`,
      Prisma.sql`accounts WHERE (code).state = ${Prisma.raw(`'${state}'`)} AND NOT deleted`,
    );
  const incidents = (state: string): Promise<number> =>
    count(`incidents.${state}`, Prisma.sql`incidents WHERE state = ${Prisma.raw(`'${state}'`)}`);
  const events = (state: string): Promise<number> =>
    count(`events.${state}`, Prisma.sql`event_outcomes WHERE state = ${Prisma.raw(`'${state}'`)}`);
  return {
    accounts: {
      active: await count('accounts.active', Prisma.sql`accounts WHERE NOT deleted`),
      deleted: await count('accounts.deleted', Prisma.sql`accounts WHERE deleted`),
      stale: await count('accounts.stale', Prisma.sql`accounts WHERE stale_version IS NOT NULL`),
      byCodeState: {
        none: await codes('none'),
        pending: await codes('pending'),
        written: await codes('written'),
        confirmed: await codes('confirmed'),
        failed: await codes('failed'),
      },
    },
    incidents: { open: await incidents('open'), repairing: await incidents('repairing') },
    events: {
      stored: await count('events.stored', Prisma.sql`event_queue`),
      applied: await events('applied'),
      skipped: await events('skipped'),
      failed: await events('failed'),
      repaired: await events('repaired'),
      dismissed: await events('dismissed'),
    },
    estimated,
  };
}

/**
 * Counts rows exactly if the planner estimates a low cost; otherwise returns the estimate of the planner, which costs
 * the same for a table of any size.
 * @param from what follows `FROM`, such as `accounts WHERE deleted`
 */
export async function countRows(pool: pg.Pool, from: Prisma.Sql): Promise<{ count: number; exact: boolean }> {
  const plan = await readPlan(pool, Prisma.sql`SELECT 1 FROM ${from}`);
  if (plan['Total Cost'] > maxPlanCost) return { count: Math.round(plan['Plan Rows']), exact: false };
  const { text, values } = Prisma.sql`SELECT count(*)::int AS count FROM ${from}`;
  const result = await pool.query<{ count: number }>({ text, values });
  return { count: result.rows[0]?.count ?? 0, exact: true };
}

// In planner units: one is about one page of a sequential read, so this is some tens of megabytes.
const maxPlanCost = 5_000;

async function readPlan(pool: pg.Pool, query: Prisma.Sql): Promise<Plan> {
  const { text, values } = Prisma.sql`EXPLAIN (FORMAT JSON) ${query}`;
  const result = await pool.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>({ text, values });
  const plan = result.rows[0]?.['QUERY PLAN'][0]?.Plan;
  if (plan === undefined) throw new Error('PostgreSQL returned no plan');
  return plan;
}

type Plan = { readonly 'Total Cost': number; readonly 'Plan Rows': number };
