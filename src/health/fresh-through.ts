import type { HealthFacts } from './facts.ts';

/**
 * The moment up to which all changes are known to be in the mirror. An event proves as much as its commit time: others
 * may wait on the bus behind it. Only a bus with nothing left proves that the mirror is current now; whatever is broken
 * or waits sets a limit.
 */
export function freshThrough({ now, faults, stored }: HealthFacts): Date | null {
  const subscription = stored?.subscription;
  if (stored == null || subscription == null || subscription.loadedAt === null) return null;
  const signs = times([subscription.currentAt, subscription.watermarkAt, stored.readThrough]);
  if (signs.length === 0) return null;
  const limits = times([
    now,
    stored.oldestWaitingAt,
    subscription.outage?.since,
    subscription.applyFault?.since,
    ...faults.filter(({ area }) => area !== 'database').map(({ since }) => since),
  ]);
  return new Date(Math.min(Math.max(...signs), ...limits));
}

function times(dates: readonly (Date | null | undefined)[]): number[] {
  return dates.flatMap((date) => (date == null ? [] : [date.getTime()]));
}
