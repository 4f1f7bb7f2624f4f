import type pg from 'pg';
import type { Logger } from 'pino';
import { type Activity, readTotals } from '../activity.ts';
import { logFailure } from '../db/log-failure.ts';
import type { Egress } from '../egress/egress.ts';
import type { Verdict } from '../health/verdict.ts';
import { runLoop } from '../run-loop.ts';
import { createHealthRecorder, healthReasons } from './health-changes.ts';
import { createMinuteCollector, saveMinute } from './minute-statistics.ts';
import {
  addNotifications,
  type NotificationBody,
  type NotifyOptions,
  notifyDirectly,
  sendNotifications,
} from './notify.ts';

export type WatchContext = {
  readonly pool: pg.Pool;
  readonly activity: Activity;
  readonly send: Egress['send'];
  readonly notify: NotifyOptions;
  health(): Promise<Verdict>;
  /** Whether this process is the leader, or was when the database became unreachable. */
  isLeader(): boolean;
  /** Milliseconds between two samples. */
  readonly pollMs?: number;
  readonly logger: Logger;
};

/**
 * The leader samples the verdict: it saves its changes, collects the statistics of each minute and sends notifications.
 * While the database is unreachable, it reports that directly, once.
 */
export async function watchHealth(context: WatchContext, signal: AbortSignal): Promise<void> {
  const { pool, activity, send, notify, health, isLeader, pollMs = 5_000, logger } = context;
  const minutes = createMinuteCollector();
  let saveChange = createHealthRecorder(pool);
  let reportsOutage = false;
  await runLoop({
    step: async () => {
      if (!isLeader() && !reportsOutage) {
        saveChange = createHealthRecorder(pool);
        return 'wait';
      }
      const verdict = await health();
      const outage = verdict.problems.some(
        ({ code, severity }) => severity === 'down' && code === databaseCode,
      );
      if (outage !== reportsOutage) {
        reportsOutage = outage;
        await notifyDirectly(send, notify, outageMessage(verdict, outage), signal);
      }
      if (outage || !isLeader()) return 'wait';
      await saveChange(verdict);
      const ended = minutes.sample(Date.now(), await readTotals(activity), verdict);
      if (ended !== undefined) await saveMinute(pool, ended);
      await addNotifications(pool, notify.urls);
      await sendNotifications({ pool, send, options: notify }, signal);
      return 'wait';
    },
    pollMs,
    onFailure: (error) => logFailure(logger, error, 'watching the health failed; retrying'),
    signal,
  });
}

const databaseCode = 'database-unreachable';

function outageMessage(verdict: Verdict, outage: boolean): NotificationBody {
  const [reason] = healthReasons(verdict);
  const text = outage
    ? `Tidemark is down: ${reason?.message ?? ''} ${reason?.action ?? ''}`.trim()
    : 'Tidemark: the database is reachable again.';
  return {
    type: 'health.changed',
    timestamp: new Date().toISOString(),
    text,
    data: { health: verdict.health, reasons: healthReasons(verdict) },
  };
}
