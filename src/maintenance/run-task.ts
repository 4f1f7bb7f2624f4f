import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { inTransaction } from '../db/database.ts';
import { storableText } from '../db/storable.ts';

export type Task = {
  readonly name: string;
  /** At most so often, whichever process does it. */
  readonly everyMs: number;
  /** What has to be done before, in transactions of its own. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  /** Does a little in the given transaction, from a place on that is empty at first. */
  doSome(client: pg.PoolClient, from: string): Promise<Done>;
};

export type Done = {
  readonly rows: number;
  /** Where the next batch begins; undefined at the end. */
  readonly next: string | undefined;
};

/** So long one batch may hold what it has locked. */
const batchLimit = '3s';

// The batches of one run leave the database more time than they take of it.
const pauseMs = 50;

/**
 * Runs a task in small transactions, unless it ran lately, in this process or in an earlier leader.
 * @returns the rows, undefined where it was not its time
 */
export async function runTask(
  pool: pg.Pool,
  { name, everyMs, prepare, doSome }: Task,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await claim(pool, name, everyMs))) return undefined;
  let total = 0;
  try {
    await prepare?.(signal);
    for (let from: string | undefined = ''; from !== undefined && !signal.aborted; ) {
      const begin: string = from;
      const done: Done = await inTransaction(pool, async (client) => {
        await client.query(`set local statement_timeout = '${batchLimit}'`);
        return doSome(client, begin);
      });
      total += done.rows;
      from = done.next;
      if (from !== undefined) await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
    await finish(pool, name, total, null);
    return total;
  } catch (error) {
    const message = signal.aborted ? null : (error as Error).message;
    await finish(pool, name, total, message).catch(() => {});
    // What was broken off is not done: it is tried again in a few minutes.
    await comeBackSoon(pool, name, everyMs).catch(() => {});
    if (signal.aborted) return total;
    throw error;
  }
}

/** The process whose statement comes first does it. */
async function claim(pool: pg.Pool, task: string, everyMs: number): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'claim-housekeeping',
    text: `insert into housekeeping (task, started_at) values ($1, now())
           on conflict (task) do update set started_at = now(), finished_at = null
            where housekeeping.started_at < now() - $2 * interval '1 millisecond'`,
    values: [task, everyMs],
  });
  return rowCount === 1;
}

async function finish(pool: pg.Pool, task: string, rows: number, error: string | null): Promise<void> {
  await pool.query({
    name: 'finish-housekeeping',
    text: `update housekeeping set finished_at = now(), rows = $2, error = $3 where task = $1`,
    values: [task, rows, error === null ? null : storableText(error)],
  });
}

async function comeBackSoon(pool: pg.Pool, name: string, everyMs: number): Promise<void> {
  await pool.query(
    `update housekeeping set started_at = now() - $2 * interval '1 millisecond' where task = $1`,
    [name, Math.max(0, everyMs - 5 * 60_000)],
  );
}
