import { backlogProblems, catchUpProblems } from './delay-problems.ts';
import type { HealthFacts } from './facts.ts';
import { faultProblems } from './fault-problems.ts';
import { leaderProblems } from './leader-problems.ts';
import { loadProblems } from './load-problems.ts';
import type { Problem } from './problem.ts';

/** Why changes do not get from Salesforce into the mirror, the causes before what follows from them. */
export function mirrorProblems(facts: HealthFacts, graceMs: number): Problem[] {
  const { stored, missingColumns } = facts;
  if (missingColumns.length > 0) return [columnsMissing(missingColumns)];
  if (stored === null) return [databaseAway(facts)];
  const { subscription } = stored;
  if (subscription === null) return [notStarted(facts.topic), ...faultProblems(facts, null, graceMs)];
  const causes = [
    ...(stored.isReadOnly ? [readOnly] : []),
    ...faultProblems(facts, subscription, graceMs),
    ...leaderProblems(facts, subscription, graceMs),
  ];
  const problems = [...causes, ...loadProblems(stored, causes.length > 0), ...backlogProblems(facts)];
  return problems.length > 0 ? problems : catchUpProblems(facts);
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
    summary: `No process has followed ${topic} yet.`,
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
