import type pg from 'pg';
import type { Logger } from 'pino';
import type { AppContext } from '../context.ts';
import { logFailure } from '../db/log-failure.ts';
import { type NextStep, runLoop } from '../run-loop.ts';
import { loadMirror } from './load-mirror.ts';
import { type MirrorTable, quoted } from './mirror-table.ts';

const pollMs = 5_000;
const batchSize = 2_000;

/**
 * Keeps the searched texts of accounts up to date, a second behind the accounts. While events wait or records are
 * loaded, it yields most of the time to them, because trigrams cost as much as the rest of a change.
 */
export async function updateTextsUntilAborted(
  { pool, wakeUps, logger }: Pick<AppContext, 'pool' | 'wakeUps'> & { readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  let isComplete = false;
  await runLoop({
    step: async () => {
      if (!isComplete) await queueMissingTexts(pool);
      isComplete = true;
      const { isQueued, isCatchingUp } = await readTextWork(pool);
      if (!isQueued) return 'wait';
      const startedAt = performance.now();
      const updated = await updateAccountTexts(pool, batchSize);
      return nextStep(updated, performance.now() - startedAt, isCatchingUp);
    },
    wakeOn: (ms) => wakeUps.next('applied', ms),
    pollMs,
    onFailure: (error) => logFailure(logger, error, 'searched texts not updated'),
    signal,
  });
}

// Collapses changes of an account that follow each other.
const minPauseMs = 1_000;
// Nine tenths of the time.
const pausePerBusyMs = 9;

/** @param busyMs time that the update took */
export function nextStep(updated: number, busyMs: number, isCatchingUp: boolean): NextStep {
  if (updated === 0) return 'wait';
  if (isCatchingUp) return { pauseMs: Math.max(minPauseMs, busyMs * pausePerBusyMs) };
  return updated === batchSize ? 'again' : { pauseMs: minPauseMs };
}

type TextWork = {
  readonly isQueued: boolean;
  /** Whether events wait to be applied, or a resync merges records. */
  readonly isCatchingUp: boolean;
};

async function readTextWork(pool: pg.Pool): Promise<TextWork> {
  const { rows } = await pool.query<TextWork>({
    name: 'read-text-work',
    text: `select exists (select from account_text_queue) as "isQueued",
                  exists (select from event_queue)
                  or exists (select from resyncs where state = 'applying') as "isCatchingUp"`,
  });
  return rows[0] ?? { isQueued: false, isCatchingUp: false };
}

/** Queues accounts that have no searched text, and texts without an account. */
async function queueMissingTexts(pool: pg.Pool): Promise<void> {
  await pool.query(`insert into account_text_queue (account_id)
    select coalesce(a.id, t.account_id) from accounts a full join account_texts t on t.account_id = a.id
     where a.id is null or t.account_id is null`);
}

/**
 * Updates the searched texts of the next queued accounts.
 * @returns the number of queue entries; 0 if all texts are up to date
 */
export async function updateAccountTexts(pool: pg.Pool, limit: number): Promise<number> {
  const table = await loadMirror(pool);
  // A queued account is visible with the values that queued it: both were committed together.
  const { rows } = await pool.query<{ count: number }>({
    name: `update-account-texts-${table.version}`,
    text: `with taken as (
             delete from account_text_queue
              where position in (select position from account_text_queue order by position limit $1)
             returning account_id
           ), ids as (
             select distinct account_id as id from taken
           ), texts as (
             select id, fold_case(name) as folded_name, ${searchedText(table)} as search_text, deleted
               from accounts where id in (select id from ids)
           ), saved as (
             insert into account_texts as t (account_id, folded_name, search_text, deleted)
             select id, folded_name, search_text, deleted from texts
             on conflict (account_id) do update
               set folded_name = excluded.folded_name, search_text = excluded.search_text, deleted = excluded.deleted
             where (t.folded_name, t.search_text, t.deleted)
               is distinct from (excluded.folded_name, excluded.search_text, excluded.deleted)
           ), removed as (
             delete from account_texts
              where account_id in (select id from ids) and account_id not in (select id from texts)
           )
           select count(*)::int as count from taken`,
    values: [limit],
  });
  return rows[0]?.count ?? 0;
}

/** SQL for the texts that a search matches, one per line. */
function searchedText({ byPath }: MirrorTable): string {
  const fieldText = (path: string): string => {
    const column = byPath.get(path);
    return column === undefined ? `''` : `coalesce((account).${quoted(column.name)}::text, '')`;
  };
  const texts = [
    `coalesce(name, '')`,
    `coalesce(account_number, '')`,
    `coalesce((code).code, '')`,
    fieldText('Phone'),
    fieldText('Website'),
  ];
  return `fold_case(${texts.join(` || E'\\n' || `)})`;
}
