import type pg from 'pg';
import { lockAccountWrites } from '../apply/apply-changes.ts';
import { type FieldTree, fromTree } from '../apply/field-tree.ts';
import { type CodeFilter, evaluateFilter } from '../codes/code-filter.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import { inTransaction } from '../db/database.ts';

export type BackfillContext = { readonly pool: pg.Pool; readonly topic: string; readonly codes: CodeRules };

/** Accounts that one step looks at, and gives codes to, at most. */
const looked = 1_000;
const given = 200;

/**
 * Gives codes to the next accounts of the mirror that have none, in the order of their ids. Called whenever nothing
 * else waits, it goes no faster than codes are written. Where the rules have changed it begins again.
 *
 * @returns whether there may be more
 */
export async function backfillSome({ pool, topic, codes }: BackfillContext): Promise<boolean> {
  const rules = JSON.stringify(codes.filter);
  if (!codes.backfill || !(await isOpen(pool, topic, rules))) return false;
  return inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const after = await readCursor(client, topic, rules);
    if (after === undefined) return false;
    const candidates = await readCandidates(client, after);
    const chosen: string[] = [];
    let last = after;
    let seen = 0;
    for (const { id, fields, blank } of candidates) {
      if (chosen.length === given) break;
      last = id;
      seen++;
      if (blank && fitsTree(codes.filter, fields)) chosen.push(id);
    }
    await giveCodes(client, chosen, codes.generate);
    const finished = seen === candidates.length && candidates.length < looked;
    await moveCursor(client, topic, { last, seen, given: chosen.length, finished });
    return true;
  });
}

/** Looked up without the lock of the mirror, since mostly there is nothing to do. */
async function isOpen(pool: pg.Pool, topic: string, rules: string): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'is-backfill-open',
    text: `select from write_back_state
            where topic = $1 and (backfill_rules is distinct from $2 or backfill_finished_at is null)`,
    values: [topic, rules],
  });
  return rowCount === 1;
}

/** Begun again when it is switched on again. */
export async function forgetBackfill(pool: pg.Pool, topic: string): Promise<void> {
  await pool.query({
    name: 'forget-backfill',
    text: 'update write_back_state set backfill_rules = null where topic = $1 and backfill_rules is not null',
    values: [topic],
  });
}

function fitsTree(filter: CodeFilter | null, fields: FieldTree): boolean {
  return filter === null || evaluateFilter(filter, fromTree(fields));
}

/** Where to go on; undefined where there is nothing to do, or not all accounts are in the mirror yet. */
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

/** A code that was cleared or has passed on is not given again: its account has an error. */
async function readCandidates(client: pg.PoolClient, after: string): Promise<Candidate[]> {
  const { rows } = await client.query<Candidate>({
    name: 'backfill-candidates',
    text: `select id, fields, salesforce_code is null and code_error is null as blank from accounts
            where code_state = 'none' and not deleted and id > $1 order by id limit ${looked}`,
    values: [after],
  });
  return rows;
}

async function giveCodes(
  client: pg.PoolClient,
  ids: readonly string[],
  generate: () => string,
): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'give-codes',
    text: `update accounts a
              set signup_code = g.code, code_state = 'pending', code_due_at = now(), code_tries = 0,
                  code_refusals = 0, changed_at = now(), revision = a.revision + 1
             from unnest($1::text[], $2::text[]) as g (id, code) where a.id = g.id`,
    values: [ids, ids.map(generate)],
  });
}

async function moveCursor(
  client: pg.PoolClient,
  topic: string,
  step: { readonly last: string; readonly seen: number; readonly given: number; readonly finished: boolean },
): Promise<void> {
  await client.query({
    name: 'move-backfill',
    text: `update write_back_state
              set backfill_after = $2, backfill_seen = backfill_seen + $3, backfill_given = backfill_given + $4,
                  backfill_finished_at = case when $5 then now() end
            where topic = $1`,
    values: [topic, step.last, step.seen, step.given, step.finished],
  });
}
