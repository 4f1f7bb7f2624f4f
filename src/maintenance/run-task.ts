import type pg from 'pg';
import { inTransaction } from '../db/database.ts';
import { storableText } from '../db/storable.ts';
import { sleep } from '../run-loop.ts';

export type Task = {
  readonly name: string;
  /** Minimum interval between two runs, across all processes. */
  readonly minIntervalMs: number;
  /** Runs before the batches, in transactions of its own. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  /** Processes one batch in the given transaction, from a cursor that is empty at first. */
  runBatch(client: pg.PoolClient, cursor: string): Promise<BatchResult>;
};

export type BatchResult = {
  readonly rows: number;
  /** Cursor of the next batch; undefined at the end. */
  readonly next: string | undefined;
};

/** Limits how long one batch holds its locks. */
const batchTimeout = '3s';

// Limits the load of one run on the database.
const pauseMs = 50;

/**
 * Runs a task in small transactions if its interval has passed since the last run by any process.
 * @returns the number of rows; undefined if the task is not due
 */
export async function runTask(
  pool: pg.Pool,
  { name, minIntervalMs, prepare, runBatch }: Task,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!(await claim(pool, name, minIntervalMs))) return undefined;
  let total = 0;
  try {
    await prepare?.(signal);
    for (let next: string | undefined = ''; next !== undefined && !signal.aborted; ) {
      const cursor: string = next;
      const done: BatchResult = await inTransaction(pool, async (client) => {
        await client.query(`set local statement_timeout = '${batchTimeout}'`);
        return runBatch(client, cursor);
      });
      total += done.rows;
      next = done.next;
      if (next !== undefined) await sleep(pauseMs, signal);
    }
    await finish(pool, name, total, null);
    return total;
  } catch (error) {
    const message = signal.aborted ? null : (error as Error).message;
    await finish(pool, name, total, message).catch(() => {});
    // An interrupted task is due again in a few minutes.
    await rescheduleSoon(pool, name, minIntervalMs).catch(() => {});
    if (signal.aborted) return total;
    throw error;
  }
}

/** Selects the tasks whose interval has passed since the last run by any process. */
export async function selectDueTasks(pool: pg.Pool, tasks: readonly Task[]): Promise<Task[]> {
  const { rows } = await pool.query<{ task: string }>({
    name: 'select-due-tasks',
    text: `select task from unnest($1::text[], $2::float8[]) as t (task, interval_ms) left join housekeeping h using (task)
            where h.started_at is null or h.started_at < now() - t.interval_ms * interval '1 millisecond'`,
    values: [tasks.map(({ name }) => name), tasks.map(({ minIntervalMs }) => minIntervalMs)],
  });
  const due = new Set(rows.map((row) => row.task));
  return tasks.filter(({ name }) => due.has(name));
}

/** Claims the run if the task is due. @returns whether it was due and not claimed by another process */
async function claim(pool: pg.Pool, task: string, minIntervalMs: number): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'claim-task',
    text: `insert into housekeeping (task, started_at) values ($1, now())
           on conflict (task) do update set started_at = now(), finished_at = null
            where housekeeping.started_at < now() - $2 * interval '1 millisecond'`,
    values: [task, minIntervalMs],
  });
  return rowCount === 1;
}

async function finish(pool: pg.Pool, task: string, rows: number, error: string | null): Promise<void> {
  await pool.query({
    name: 'finish-task',
    text: `update housekeeping set finished_at = now(), rows = $2, error = $3 where task = $1`,
    values: [task, rows, error === null ? null : storableText(error)],
  });
}

async function rescheduleSoon(pool: pg.Pool, name: string, minIntervalMs: number): Promise<void> {
  await pool.query(
    `update housekeeping set started_at = now() - $2 * interval '1 millisecond' where task = $1`,
    [name, Math.max(0, minIntervalMs - 5 * 60_000)],
  );
}
