import type { HealthFacts, InitialLoadFacts, SubscriptionFacts } from './facts.ts';
import { faultProblems } from './fault-problems.ts';
import type { Problem } from './verdict.ts';

/** Why changes do not get from Salesforce into the mirror. */
export function mirrorProblems(facts: HealthFacts, graceMs: number): Problem[] {
  const { stored, missingColumns } = facts;
  if (missingColumns.length > 0) return [columnsMissing(missingColumns)];
  if (stored === null) return [databaseAway(facts)];
  const { subscription } = stored;
  if (subscription === null) return [notStarted(facts.topic), ...faultProblems(facts, null, graceMs)];
  return [
    ...(stored.isReadOnly ? [readOnly] : []),
    ...(subscription.loadedAt === null ? [notLoaded(stored.initialLoad)] : []),
    ...leaderProblems(facts, subscription, graceMs),
    ...faultProblems(facts, subscription, graceMs),
    ...backlogProblems(facts),
  ];
}

function databaseAway({ faults, now }: HealthFacts): Problem {
  const fault = faults.find(({ area }) => area === 'database');
  return {
    code: 'database-unreachable',
    severity: 'down',
    summary: 'The database does not answer.',
    detail: fault?.message ?? null,
    since: fault?.since ?? now,
    action: 'Check that PostgreSQL runs and that DATABASE_URL is correct; Tidemark reconnects automatically.',
  };
}

function columnsMissing(columns: readonly string[]): Problem {
  return {
    code: 'database-columns-missing',
    severity: 'down',
    summary: `The database lacks ${columns.join(', ')}: removed by hand.`,
    detail: null,
    since: null,
    action: 'Restore the database from a backup.',
  };
}

function notStarted(topic: string): Problem {
  return {
    code: 'not-started',
    severity: 'down',
    summary: `Nothing follows ${topic} yet.`,
    detail: null,
    since: null,
    action: 'Start a process with the role sync.',
  };
}

const readOnly: Problem = {
  code: 'database-read-only',
  severity: 'down',
  summary: 'Changes are not being stored: the database is read-only.',
  detail: null,
  since: null,
  action: 'Set DATABASE_URL to a server that accepts writes.',
};

function notLoaded(load: InitialLoadFacts | null): Problem {
  const failed = load?.error != null;
  const expected = load?.expected == null ? '' : ` of ${load.expected}`;
  const progress = load === null ? '' : ` ${load.read}${expected} records read.`;
  const waiting = load?.isWaitingForBudget === true ? ' It waits for API requests.' : '';
  return {
    code: 'initial-load',
    severity: 'down',
    summary: `The initial load is not complete.${failed ? ' It failed.' : `${progress}${waiting}`}`,
    detail: load?.error ?? null,
    since: load?.since ?? null,
    action: failed
      ? (load?.cause?.action ?? 'Correct the cause; the load is retried automatically.')
      : 'Wait for it to finish.',
  };
}

// It gives a sign of life every five seconds; another process takes over within ten.
const unseenLimitMs = 60_000;

function leaderProblems(
  { now, topic }: HealthFacts,
  { renewedAt, state, stateSince, outage }: SubscriptionFacts,
  graceMs: number,
): Problem[] {
  const unseenMs = renewedAt === null ? 0 : now.getTime() - renewedAt.getTime();
  if (unseenMs > unseenLimitMs) {
    return [
      {
        code: 'no-leader',
        severity: 'down',
        summary: `No process has followed ${topic} for ${Math.round(unseenMs / 1_000)} s.`,
        detail: null,
        since: renewedAt,
        action: 'Start a process with the role sync.',
      },
    ];
  }
  if (outage !== null || state === 'streaming') return [];
  const isLong = now.getTime() - stateSince.getTime() > graceMs;
  return [
    {
      code: 'stream-not-open',
      severity: isLong || state === 'stopped' ? 'down' : 'degraded',
      summary: `The stream of ${topic} is not open (${state}).`,
      detail: null,
      since: stateSince,
      action: isLong
        ? 'Look for the cause in the log of the process that follows the topic.'
        : 'Wait: the stream is being opened.',
    },
  ];
}

// So many changes may come at once that the newest take a while.
const waitLimitMs = 60_000;

function backlogProblems({ now, stored, faults }: HealthFacts): Problem[] {
  const oldest = stored?.oldestWaitingAt ?? null;
  if (oldest === null || now.getTime() - oldest.getTime() <= waitLimitMs) return [];
  const hasCause = stored?.subscription?.applyFault != null || faults.some(({ area }) => area === 'apply');
  const seconds = Math.round((now.getTime() - oldest.getTime()) / 1_000);
  return [
    {
      code: 'changes-waiting',
      severity: 'down',
      summary: `Changes have waited for ${seconds} s to be applied.`,
      detail: null,
      since: oldest,
      action: hasCause
        ? 'See why stored changes cannot be applied.'
        : 'Look for the cause in the log of the process that follows the topic.',
    },
  ];
}
