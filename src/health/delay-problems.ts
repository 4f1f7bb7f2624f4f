import type { HealthFacts } from './facts.ts';
import { freshThrough } from './fresh-through.ts';
import type { Problem } from './problem.ts';

// So many changes may come at once that the newest take a while.
const waitLimitMs = 60_000;

/** Changes that have arrived and are not applied. */
export function backlogProblems({ now, stored, faults }: HealthFacts): Problem[] {
  const oldest = stored?.oldestWaitingAt ?? null;
  if (oldest === null || now.getTime() - oldest.getTime() <= waitLimitMs) return [];
  const isProgressing = isWithin(waitLimitMs, now, stored?.lastAppliedAt ?? null);
  const hasCause = stored?.subscription?.applyFault != null || faults.some(({ area }) => area === 'apply');
  if (isProgressing && !hasCause) {
    return [
      {
        code: 'changes-waiting',
        severity: 'degraded',
        summary: 'Changes are stored faster than they are applied.',
        detail: null,
        since: oldest,
        action:
          'Wait: the backlog is being applied. If it lasts, check the load of the database and of the process that leads (GET /v1/status: backlog, subscription.holder).',
      },
    ];
  }
  return [
    {
      code: 'changes-waiting',
      severity: 'down',
      summary: 'Stored changes wait to be applied.',
      detail: null,
      since: oldest,
      action: hasCause
        ? 'They are applied automatically when the reason apply-failing is resolved.'
        : 'Find the cause in the log of the process that holds the subscription (GET /v1/status: subscription.holder).',
    },
  ];
}

function isWithin(ms: number, now: Date, time: Date | null): boolean {
  return time !== null && now.getTime() - time.getTime() <= ms;
}

// The holder of the lease saves every five seconds whether the mirror is current; clocks differ by less than this.
const delayLimitMs = 30_000;

/** The stream works, but it delivers what was committed long ago: newer changes wait on the bus. */
export function catchUpProblems(facts: HealthFacts): Problem[] {
  const through = freshThrough(facts);
  if (through === null || facts.now.getTime() - through.getTime() <= delayLimitMs) return [];
  if (isClockBehind(facts)) return [];
  return [
    {
      code: 'catching-up',
      severity: 'degraded',
      summary: `The mirror is behind Salesforce: it holds all changes up to ${through.toISOString()}.`,
      detail: null,
      since: through,
      action:
        'Wait: later changes are received and applied automatically. If the time does not advance, check the clock of the database server.',
    },
  ];
}

/** Commit times prove nothing then, and the incident asks for the clock to be checked. */
function isClockBehind({ stored }: HealthFacts): boolean {
  return stored?.incidents.some(({ cause }) => cause === 'dated ahead') === true;
}
