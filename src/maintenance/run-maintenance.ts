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
import { runTask, type Task } from './run-task.ts';

export type MaintenanceContext = Pick<AppContext, 'pool' | 'retention' | 'logger'> & {
  readonly fold?: typeof foldHistory;
};

const hourMs = 3_600_000;
const pollIntervalMs = 60_000;
const batchRows = 500;

/** Removes what is old, a little at a time, once an hour; a failure waits for the next time. */
export async function runMaintenance(context: MaintenanceContext, signal: AbortSignal): Promise<void> {
  await runLoop({
    step: async () => {
      for (const task of maintenanceTasks(context)) {
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

/** What there is to do, in this order. */
export function maintenanceTasks({ pool, retention, fold = foldHistory }: MaintenanceContext): Task[] {
  const { eventsMs, versionsMs } = retention;
  const old = deletions.map(({ task, period, deleteSome }) => ({
    name: task,
    everyMs: hourMs,
    doSome: async (client: pg.PoolClient) => {
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

/** Every moment of the past stays known: the history is folded before its events are deleted. */
function eventTask(fold: (order: FoldOrder) => Promise<FoldResult>, keptMs: number): Task {
  const through = new Date(Date.now() - keptMs);
  return {
    name: 'events',
    everyMs: hourMs,
    prepare: async (signal) => {
      for (let after: string | null | undefined = null; after !== undefined; ) {
        signal.throwIfAborted();
        after = (await fold({ through, after })).after ?? undefined;
        // Each batch holds the mirror for a moment: changes go first.
        if (after !== undefined) await pause(100, undefined, { signal });
      }
    },
    doSome: async (client) => {
      const rows = await deleteOldEvents(client, through, batchRows);
      return { rows, next: rows === batchRows ? '' : undefined };
    },
  };
}

/** A walk through all accounts is not small, and nothing waits for it: once a day. */
function foldTask(keptMs: number): Task {
  const horizon = horizonAt(Date.now() - keptMs);
  return {
    name: 'field versions',
    everyMs: 24 * hourMs,
    doSome: async (client, from) => {
      // An event that came in time may have waited here since.
      if (await isBehind(client, keptMs / 8)) return { rows: 0, next: undefined };
      return foldAccounts(client, from, horizon, 2 * batchRows);
    },
  };
}

type FoldOrder = Parameters<typeof foldHistory>[1];
type FoldResult = Awaited<ReturnType<typeof foldHistory>>;
