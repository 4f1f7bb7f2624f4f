import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { logFailure } from '../db/log-failure.ts';
import { deletions } from './delete-old.ts';
import { deleteOldEvents } from './delete-old-events.ts';
import { foldAccounts, isBehind } from './fold-accounts.ts';
import { horizonAt, type RetentionPolicy } from './retention-policy.ts';
import { runTask, type Task } from './run-task.ts';

export type MaintenanceContext = {
  readonly pool: pg.Pool;
  readonly logger: Logger;
  readonly retention: RetentionPolicy;
  /**
   * Folds what the next accounts were up to a moment into one state each, so that every later moment stays known; asked
   * for until `after` is null, before any event up to that moment is deleted.
   */
  readonly foldHistory?: (order: {
    readonly through: Date;
    readonly after: string | null;
  }) => Promise<{ readonly after: string | null }>;
};

const hourMs = 3_600_000;
const pollIntervalMs = 60_000;
const batchRows = 500;

/** Removes what is old, a little at a time, once an hour; a failure waits for the next time. */
export async function runMaintenance(context: MaintenanceContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(pollIntervalMs, undefined, { signal }).catch(() => {});
    for (const task of signal.aborted ? [] : maintenanceTasks(context)) {
      await runTask(context.pool, task, signal).then(
        (rows) => rows && context.logger.info({ task: task.name, rows }, 'housekeeping'),
        (error: Error) => logFailure(context.logger, error, 'housekeeping failed', { task: task.name }),
      );
    }
  }
}

/** What there is to do, in this order. */
export function maintenanceTasks({ retention, foldHistory }: MaintenanceContext): Task[] {
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
    ...(eventsMs === undefined ? [] : [eventTask(eventsMs, foldHistory)]),
    ...old,
    foldTask(versionsMs),
  ];
}

function eventTask(keptMs: number, foldHistory: MaintenanceContext['foldHistory']): Task {
  const through = new Date(Date.now() - keptMs);
  return {
    name: 'events',
    everyMs: hourMs,
    prepare: async (signal) => {
      for (let after: string | null | undefined = null; after !== undefined; ) {
        signal.throwIfAborted();
        after = (await foldHistory?.({ through, after }))?.after ?? undefined;
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
