import { backlogProblems, catchUpProblems } from './delay-problems.ts';
import type { HealthFacts } from './facts.ts';
import { faultProblems } from './fault-problems.ts';
import { leaderProblems } from './leader-problems.ts';
import { loadProblems } from './load-problems.ts';
import { down, type Problem } from './problem.ts';

/** Why changes do not reach the mirror, causes before their consequences. */
export function mirrorProblems(facts: HealthFacts, graceMs: number): Problem[] {
  const { stored, missingColumns, missingTable } = facts;
  if (missingColumns.length > 0) return [columnsMissing(missingColumns)];
  if (missingTable !== undefined) return [tableMissing(missingTable)];
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
  return down('database-unreachable', {
    summary: 'The database does not answer.',
    detail: fault?.message ?? null,
    since: fault?.since ?? now,
    action: 'Check that PostgreSQL runs and that DATABASE_URL is correct; Tidemark reconnects automatically.',
  });
}

function columnsMissing(columns: readonly string[]): Problem {
  return down('database-columns-missing', {
    summary: `The database lacks ${columns.join(', ')}: removed by hand.`,
    action: 'Restore the database from a backup.',
  });
}

function tableMissing(detail: string): Problem {
  return down('database-columns-missing', {
    summary: 'The table of accounts or one of its views is missing: removed by hand.',
    detail,
    action:
      'Wait: the process that leads creates it again within seconds and reads all values from Salesforce. If it does not, its log names the cause.',
  });
}

function notStarted(topic: string): Problem {
  return down('not-started', {
    summary: `No process has followed ${topic} yet.`,
    action: 'Start a process with the role sync.',
  });
}

const readOnly: Problem = down('database-read-only', {
  summary: 'Changes are not being stored: the database is read-only.',
  action: 'Set DATABASE_URL to a server that accepts writes.',
});
