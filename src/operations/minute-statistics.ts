import type { ActivityTotals } from '../activity.ts';
import type { Queryable } from '../db/database.ts';
import type { Verdict } from '../health/verdict.ts';

const minuteMs = 60_000;

export type MinuteCollector = {
  /**
   * Adds a sample. At the first sample of a new minute, returns the statistics of the last one. The lag counts from
   * when the mirror is first current: the time before belongs to the initial load.
   */
  sample(now: number, totals: ActivityTotals, freshness: Freshness): MinuteStatistics | undefined;
};

export type Freshness = Pick<Verdict, 'isCurrent' | 'hasBeenCurrent' | 'lagMs'>;

export type MinuteStatistics = ActivityTotals & { readonly minute: Date; readonly maxLagMs: number | null };

/** Collects the statistics of each minute from totals that only increase. */
export function createMinuteCollector(): MinuteCollector {
  let minute: number | undefined;
  let before: ActivityTotals | undefined;
  let maxLagMs: number | null = null;
  return {
    sample(now, totals, freshness) {
      const lagMs = lagOf(freshness);
      const current = now - (now % minuteMs);
      minute ??= current;
      before ??= totals;
      if (current === minute) {
        maxLagMs = maxOf(maxLagMs, lagMs);
        return undefined;
      }
      const ended = {
        minute: new Date(minute),
        maxLagMs: maxOf(maxLagMs, lagMs),
        ...difference(before, totals),
      };
      minute = current;
      before = totals;
      maxLagMs = lagMs;
      return ended;
    },
  };
}

function lagOf({ isCurrent, hasBeenCurrent, lagMs }: Freshness): number | null {
  if (isCurrent) return 0;
  return hasBeenCurrent ? lagMs : null;
}

function maxOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function difference(before: ActivityTotals, after: ActivityTotals): ActivityTotals {
  return {
    events: after.events - before.events,
    failedEvents: after.failedEvents - before.failedEvents,
    codes: after.codes - before.codes,
    failedCodes: after.failedCodes - before.failedCodes,
    connectionErrors: after.connectionErrors - before.connectionErrors,
  };
}

/** Inserts a minute, or adds to it if two leaders shared it, and deletes those of more than two days ago. */
export async function saveMinute(client: Queryable, statistics: MinuteStatistics): Promise<void> {
  const { minute, events, failedEvents, codes, failedCodes, connectionErrors, maxLagMs } = statistics;
  await client.query({
    name: 'save-minute',
    text: `with old as (delete from minute_statistics where minute < now() - interval '2 days')
           insert into minute_statistics as m
                  (minute, events, failed_events, codes, failed_codes, connection_errors, max_lag_ms)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict (minute) do update
              set events = m.events + excluded.events, failed_events = m.failed_events + excluded.failed_events,
                  codes = m.codes + excluded.codes, failed_codes = m.failed_codes + excluded.failed_codes,
                  connection_errors = m.connection_errors + excluded.connection_errors,
                  max_lag_ms = greatest(m.max_lag_ms, excluded.max_lag_ms)`,
    values: [minute, events, failedEvents, codes, failedCodes, connectionErrors, maxLagMs],
  });
}
