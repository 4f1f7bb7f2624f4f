import type { HealthFacts } from './facts.ts';
import { degraded, down, type Problem } from './problem.ts';

// A burst of changes takes a while to be applied.
const waitLimitMs = 60_000;

/** Stored changes that are not applied. */
export function backlogProblems({ now, stored, faults }: HealthFacts): Problem[] {
  const oldest = stored?.oldestWaitingAt ?? null;
  if (oldest === null || now.getTime() - oldest.getTime() <= waitLimitMs) return [];
  const isProgressing = isWithin(waitLimitMs, now, stored?.lastAppliedAt ?? null);
  const hasCause = stored?.subscription?.applyFault != null || faults.some(({ area }) => area === 'apply');
  if (isProgressing && !hasCause) {
    return [
      degraded('changes-waiting', {
        summary: 'Changes are stored faster than they are applied.',
        since: oldest,
        action:
          'Wait: the backlog is being applied. If it lasts, check the load of the database and of the process that leads (GET /v1/status: backlog, subscription.holder).',
      }),
    ];
  }
  return [
    down('changes-waiting', {
      summary: 'Stored changes wait to be applied.',
      since: oldest,
      action: hasCause
        ? 'They are applied automatically when the reason apply-failing is resolved.'
        : 'Find the cause in the log of the process that holds the subscription (GET /v1/status: subscription.holder).',
    }),
  ];
}

function isWithin(ms: number, now: Date, time: Date | null): boolean {
  return time !== null && now.getTime() - time.getTime() <= ms;
}

// The lease holder saves every five seconds whether the mirror is current; the rest is tolerance for clocks.
const delayLimitMs = 30_000;

/** The stream delivers old commits: newer changes wait on the bus. */
export function catchUpProblems(facts: HealthFacts): Problem[] {
  const through = freshThrough(facts);
  if (through === null || facts.now.getTime() - through.getTime() <= delayLimitMs) return [];
  if (isClockBehind(facts)) return [];
  return [
    degraded('catching-up', {
      summary: `The mirror is behind Salesforce: it holds all changes up to ${through.toISOString()}.`,
      since: through,
      action:
        'Wait: later changes are received and applied automatically. If the time does not advance, check the clock of the database server.',
    }),
  ];
}

/** Then commit times prove nothing, and an incident asks to check the clock. */
function isClockBehind({ stored }: HealthFacts): boolean {
  return stored?.incidents.some(({ cause }) => cause === 'dated ahead') === true;
}

/**
 * The moment up to which all changes are known to be in the mirror. An event proves its commit time, an empty bus proves
 * that the mirror is current; faults and waiting events set a limit.
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
