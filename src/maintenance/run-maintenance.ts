import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { AppContext } from '../context.ts';
import { logFailure } from '../db/log-failure.ts';
import { foldHistory } from '../history/fold-history.ts';
import { runLoop } from '../run-loop.ts';
import { deletions } from './delete-old.ts';
import { deleteOldEvents } from './delete-old-events.ts';
import { foldAccounts, isBehind } from './fold-accounts.ts';
import { horizonAt } from './retention-policy.ts';
import { runTask, selectDueTasks, type Task } from './run-task.ts';

export type MaintenanceContext = Pick<AppContext, 'pool' | 'retention' | 'logger'> & {
  readonly fold?: typeof foldHistory;
};

const hourMs = 3_600_000;
const pollIntervalMs = 60_000;
const batchRows = 500;

/** Deletes old rows in small batches, once an hour. A failed task is retried a few minutes later. */
export async function runMaintenance(context: MaintenanceContext, signal: AbortSignal): Promise<void> {
  await runLoop({
    step: async () => {
      for (const task of await selectDueTasks(context.pool, maintenanceTasks(context))) {
        if (signal.aborted) return 'wait';
        await runTask(context.pool, task, signal).then(
          (rows) => rows && context.logger.info({ task: task.name, rows }, 'maintenance done'),
          (error: Error) => logFailure(context.logger, error, 'maintenance failed', { task: task.name }),
        );
      }
      return 'wait';
    },
    waitsFirst: true,
    pollMs: pollIntervalMs,
    onFailure: (error) => logFailure(context.logger, error, 'maintenance failed'),
    signal,
  });
}

/** The maintenance tasks, in the order of their execution. */
export function maintenanceTasks({ pool, retention, fold = foldHistory }: MaintenanceContext): Task[] {
  const { eventsMs, versionsMs } = retention;
  const old = deletions.map(({ task, period, deleteSome }) => ({
    name: task,
    minIntervalMs: hourMs,
    runBatch: async (client: pg.PoolClient) => {
      const rows = await deleteSome(client, retention[period], batchRows);
      return { rows, next: rows === batchRows ? '' : undefined };
    },
  }));
  return [
    ...(eventsMs === undefined ? [] : [eventTask((order) => fold(pool, order), eventsMs)]),
    ...old,
    foldTask(versionsMs),
  ];
}

/** Folds the history before its events are deleted, so that past states stay available. */
function eventTask(fold: (order: FoldOrder) => Promise<FoldResult>, retentionMs: number): Task {
  const through = new Date(Date.now() - retentionMs);
  return {
    name: 'events',
    minIntervalMs: hourMs,
    prepare: async (signal) => {
      for (let after: string | null | undefined = null; after !== undefined; ) {
        signal.throwIfAborted();
        after = (await fold({ through, after })).after ?? undefined;
        // Each batch blocks account writes, so the pause lets waiting changes proceed.
        if (after !== undefined) await pause(100, undefined, { signal });
      }
    },
    runBatch: async (client) => {
      const rows = await deleteOldEvents(client, through, batchRows);
      return { rows, next: rows === batchRows ? '' : undefined };
    },
  };
}

/** Runs once a day, because it scans all accounts and is not urgent. */
function foldTask(retentionMs: number): Task {
  const horizon = horizonAt(Date.now() - retentionMs);
  return {
    name: 'field versions',
    minIntervalMs: 24 * hourMs,
    runBatch: async (client, cursor) => {
      // A stored event can be older than the horizon although it arrived in time.
      if (await isBehind(client, retentionMs / 8)) return { rows: 0, next: undefined };
      return foldAccounts(client, cursor, horizon, 2 * batchRows);
    },
  };
}

type FoldOrder = Parameters<typeof foldHistory>[1];
type FoldResult = Awaited<ReturnType<typeof foldHistory>>;
