import type pg from 'pg';
import type { Static } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import type { StatusSchema } from '../schemas/status.ts';

export type Counts = Static<typeof StatusSchema>['counts'];

/**
 * Creates a function that counts accounts, incidents and events. Counts of large sets are estimates, listed in
 * `estimated`; exact counts that take more than a moment are repeated for five seconds, however many clients ask.
 */
export function createCounts(pool: pg.Pool, nowMs = (): number => performance.now()): () => Promise<Counts> {
  const kept = new Map<string, { readonly at: number; readonly counted: Counted }>();
  const countOnce = async (name: string, from: Prisma.Sql): Promise<Counted> => {
    const last = kept.get(name);
    if (last !== undefined && nowMs() - last.at < keptForMs) return last.counted;
    const counted = await countRows(pool, from);
    if (counted.planCost > smallPlanCost) kept.set(name, { at: nowMs(), counted });
    return counted;
  };
  return () => readCounts(countOnce, (table, states) => countStates(pool, table, states));
}

const keptForMs = 5_000;

async function readCounts(
  counted: (name: string, from: Prisma.Sql) => Promise<Counted>,
  countFew: (table: string, states: readonly string[]) => Promise<ReadonlyMap<string, number> | undefined>,
): Promise<Counts> {
  const estimated: string[] = [];
  const count = async (name: string, from: Prisma.Sql): Promise<number> => {
    const { count, exact } = await counted(name, from);
    if (!exact) estimated.push(name);
    return count;
  };
  const codes = (state: string): Promise<number> =>
    count(
      `accounts.byCodeState.${state}`,
      Prisma.sql`accounts WHERE (code).state = ${Prisma.raw(`'${state}'`)} AND NOT deleted`,
    );
  const fewIncidents = await countFew('incidents', ['open', 'repairing']);
  const incidents = async (state: string): Promise<number> =>
    fewIncidents?.get(state) ?? count(`incidents.${state}`, inState('incidents', state));
  const fewFailures = await countFew('event_outcomes', ['failed', 'repaired', 'dismissed']);
  const events = async (state: string): Promise<number> =>
    fewFailures?.get(state) ?? count(`events.${state}`, inState('event_outcomes', state));
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

function inState(table: string, ...states: readonly string[]): Prisma.Sql {
  return Prisma.raw(`${table} WHERE state IN (${states.map((state) => `'${state}'`).join(', ')})`);
}

/**
 * Counts the rows of each state in one statement.
 * @returns undefined if the planner estimates that it takes more than a moment
 */
async function countStates(
  pool: pg.Pool,
  table: string,
  states: readonly string[],
): Promise<ReadonlyMap<string, number> | undefined> {
  const from = inState(table, ...states);
  const plan = await readPlan(pool, Prisma.sql`SELECT 1 FROM ${from}`);
  if (plan['Total Cost'] > smallPlanCost) return undefined;
  const { text, values } = Prisma.sql`SELECT state, count(*)::int AS count FROM ${from} GROUP BY state`;
  const { rows } = await pool.query<{ state: string; count: number }>({ text, values });
  const found = new Map(rows.map(({ state, count }) => [state, count]));
  return new Map(states.map((state) => [state, found.get(state) ?? 0]));
}

/**
 * Counts rows exactly if the planner estimates a low cost; otherwise returns the estimate of the planner, which costs
 * the same for a table of any size.
 * @param from what follows `FROM`, such as `accounts WHERE deleted`
 */
export async function countRows(pool: pg.Pool, from: Prisma.Sql): Promise<Counted> {
  const plan = await readPlan(pool, Prisma.sql`SELECT 1 FROM ${from}`);
  const planCost = plan['Total Cost'];
  if (planCost > maxPlanCost) return { count: Math.round(plan['Plan Rows']), exact: false, planCost };
  const { text, values } = Prisma.sql`SELECT count(*)::int AS count FROM ${from}`;
  const result = await pool.query<{ count: number }>({ text, values });
  return { count: result.rows[0]?.count ?? 0, exact: true, planCost };
}

type Counted = { readonly count: number; readonly exact: boolean; readonly planCost: number };

// In planner units: one is about one page of a sequential read, so this is some tens of megabytes.
const maxPlanCost = 5_000;
const smallPlanCost = 500;

async function readPlan(pool: pg.Pool, query: Prisma.Sql): Promise<Plan> {
  const { text, values } = Prisma.sql`EXPLAIN (FORMAT JSON) ${query}`;
  const result = await pool.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>({ text, values });
  const plan = result.rows[0]?.['QUERY PLAN'][0]?.Plan;
  if (plan === undefined) throw new Error('PostgreSQL returned no plan');
  return plan;
}

type Plan = { readonly 'Total Cost': number; readonly 'Plan Rows': number };
