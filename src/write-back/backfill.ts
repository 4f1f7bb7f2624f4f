import type pg from 'pg';
import { type FieldTree, fromTree } from '../apply/field-tree.ts';
import { markChangedAccounts } from '../codes/changed-codes.ts';
import { evaluateFilter } from '../codes/code-filter.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction } from '../db/database.ts';
import type { PrismaClient } from '../db/generated/client.ts';

export type BackfillContext = {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly topic: string;
  readonly codes: CodeRules;
};

/** Accounts per step that are read, and that get a code. */
const maxScanned = 1_000;
const maxAssigned = 200;

/**
 * Assigns codes to the next accounts without one, ordered by id. It is called when no code is due, so it is no faster
 * than the write-back. A changed filter restarts it.
 *
 * @returns whether there may be more accounts
 */
export async function backfillNextAccounts({
  pool,
  prisma,
  topic,
  codes,
}: BackfillContext): Promise<boolean> {
  const rules = JSON.stringify(codes.filter);
  if (!codes.backfill || !(await isOpen(prisma, topic, rules))) return false;
  return inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const after = await readCursor(client, topic, rules);
    if (after === undefined) return false;
    const candidates = await readCandidates(client, after);
    const eligible: string[] = [];
    let last = after;
    let seen = 0;
    for (const { id, fields, blank } of candidates) {
      if (eligible.length === maxAssigned) break;
      last = id;
      seen++;
      if (blank && (codes.filter === null || evaluateFilter(codes.filter, fromTree(fields))))
        eligible.push(id);
    }
    await assignCodes(client, eligible, codes.generate);
    const finished = seen === candidates.length && candidates.length < maxScanned;
    await moveCursor(client, topic, { last, seen, assigned: eligible.length, finished });
    return true;
  });
}

/** Checked without the lock on account writes, because usually there is nothing to do. */
async function isOpen(prisma: PrismaClient, topic: string, rules: string): Promise<boolean> {
  const state = await prisma.writeBackState.findUnique({ where: { topic } });
  return state !== null && (state.backfillRules !== rules || state.backfillFinishedAt === null);
}

/** Makes the backfill restart when it is enabled again. */
export async function resetBackfill(prisma: PrismaClient, topic: string): Promise<void> {
  await prisma.writeBackState.updateMany({ where: { topic }, data: { backfillRules: null } });
}

/** Reads the id to continue after; undefined if the backfill is finished or the initial load is not. */
async function readCursor(client: pg.PoolClient, topic: string, rules: string): Promise<string | undefined> {
  await client.query({
    name: 'begin-backfill',
    text: `update write_back_state
              set backfill_rules = $2, backfill_after = '', backfill_seen = 0, backfill_given = 0,
                  backfill_started_at = now(), backfill_finished_at = null
            where topic = $1 and backfill_rules is distinct from $2
              and exists (select from subscriptions s where s.topic = $1 and s.loaded_at is not null)`,
    values: [topic, rules],
  });
  const { rows } = await client.query<{ after: string }>({
    name: 'read-backfill',
    text: `select backfill_after as after from write_back_state
            where topic = $1 and backfill_rules = $2 and backfill_finished_at is null`,
    values: [topic, rules],
  });
  return rows[0]?.after;
}

type Candidate = { readonly id: string; readonly fields: FieldTree; readonly blank: boolean };

/** An account whose code was cleared or transferred has an error and gets no new code. */
async function readCandidates(client: pg.PoolClient, after: string): Promise<Candidate[]> {
  const { rows } = await client.query<Candidate>({
    name: 'backfill-candidates',
    text: `select id, fields, salesforce_code is null and code_error is null as blank from accounts
            where (code).state = 'none' and not deleted and id > $1 order by id limit ${maxScanned}`,
    values: [after],
  });
  return rows;
}

async function assignCodes(
  client: pg.PoolClient,
  ids: readonly string[],
  generate: () => string,
): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'assign-backfilled-codes',
    text: `with changed as (
             insert into signup_codes (account_id, code, state, due_at)
             select id, code, 'pending', now() from unnest($1::text[], $2::text[]) as g (id, code)
             on conflict (account_id) do update
               set code = excluded.code, state = excluded.state, due_at = excluded.due_at, tries = 0, refusals = 0,
                   assigned_at = now()
             returning account_id
           ), ${markChangedAccounts} select from changed`,
    values: [ids, ids.map(generate)],
  });
}

async function moveCursor(
  client: pg.PoolClient,
  topic: string,
  step: {
    readonly last: string;
    readonly seen: number;
    readonly assigned: number;
    readonly finished: boolean;
  },
): Promise<void> {
  await client.query({
    name: 'move-backfill',
    text: `update write_back_state
              set backfill_after = $2, backfill_seen = backfill_seen + $3, backfill_given = backfill_given + $4,
                  backfill_finished_at = case when $5 then now() end
            where topic = $1`,
    values: [topic, step.last, step.seen, step.assigned, step.finished],
  });
}
