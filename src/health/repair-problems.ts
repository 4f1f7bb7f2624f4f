import { futureToleranceMs } from '../apply/event-effect.ts';
import { budgetCode } from '../write-back/check-field.ts';
import type { HealthFacts, StoredFacts } from './facts.ts';
import { degraded, type Problem, type ProblemCode } from './problem.ts';

/** Problems that need attention while changes are mirrored. */
export function repairProblems(facts: HealthFacts, graceMs: number): Problem[] {
  const { stored, replicaServes, missingColumns } = facts;
  const own = [...clockProblems(facts), ...(replicaServes === false ? [replicaAway] : [])];
  if (stored === null || missingColumns.length > 0) return own;
  return [
    ...stored.incidents.map(incidentProblem),
    ...schemaProblems(stored, facts.now, graceMs),
    ...confirmationProblems(stored),
    ...codeProblems(stored),
    ...writeBackProblems(stored),
    ...comparisonProblems(stored),
    ...stored.failedRepairs.map(repairProblem),
    ...rereadProblems(stored, facts.now, graceMs),
    ...stored.failedMaintenance.map(maintenanceProblem),
    ...own,
  ];
}

function incidentProblem({ cause, count, since, detail }: StoredFacts['incidents'][number]): Problem {
  const noun = count === 1 ? 'incident is' : 'incidents are';
  return degraded(incidentCodes[cause] ?? 'incidents', {
    summary: incidentSummaries[cause] ?? `${count} ${noun} not repaired yet (${cause}).`,
    detail: detail ?? null,
    since,
    action:
      incidentActions[cause] ??
      'Wait: the repair runs automatically; GET /v1/incidents lists what is affected.',
  });
}

/** For causes with a code of their own. */
const incidentCodes: Readonly<Record<string, ProblemCode>> = {
  difference: 'differences',
  'schema changed': 'schema-changed',
};

const incidentSummaries: Readonly<Record<string, string>> = {
  difference: 'A comparison found accounts that differ from Salesforce.',
  'schema changed': 'Fields of Account changed in Salesforce; accounts may show old values of these fields.',
};

/** For causes that need an operator. */
const incidentActions: Readonly<Record<string, string>> = {
  difference: 'Run "tidemark resync --all" to repair them; GET /v1/resyncs/{id}/differences lists them.',
  'failed record':
    'Correct these records in Salesforce (GET /v1/incidents names them, with the reason); they are read again every 15 minutes.',
  'schema changed':
    'Wait: the fields are read in all accounts automatically; GET /v1/resyncs shows the progress.',
};

/** Events with a new schema are applied before the fields are compared with Salesforce. */
function schemaProblems({ uncheckedSchemaAt }: StoredFacts, now: Date, graceMs: number): Problem[] {
  if (uncheckedSchemaAt === null || now.getTime() - uncheckedSchemaAt.getTime() <= graceMs) return [];
  return [
    degraded('schema-unchecked', {
      summary:
        'The schema of change events is new, and the fields of Account cannot be read from Salesforce: existing accounts may lack new values.',
      since: uncheckedSchemaAt,
      action: 'Check that Salesforce is reachable; the fields are compared automatically.',
    }),
  ];
}

function confirmationProblems({ unconfirmedResyncs }: StoredFacts): Problem[] {
  return unconfirmedResyncs.map(({ id, since }) =>
    degraded('resync-needs-confirmation', {
      summary: `Resync ${id} would mark many accounts as deleted and waits for a confirmation.`,
      since,
      action: `Check that the integration user sees all accounts, then confirm or cancel the resync: in the console under Resyncs, or with "tidemark resyncs confirm ${id}".`,
    }),
  );
}

function codeProblems({ failedCodes }: StoredFacts): Problem[] {
  return failedCodes.map(({ code, message, count, since }) =>
    degraded('codes-failed', {
      summary: `${count} signup ${count === 1 ? 'code was' : 'codes were'} refused by Salesforce (${code}).`,
      detail: message === '' ? null : message,
      since,
      action: `Correct the cause in Salesforce, then send the codes again: in the console under Codes, or with "tidemark codes retry --error-code ${code}".`,
    }),
  );
}

function writeBackProblems({ writeBack }: StoredFacts): Problem[] {
  if (writeBack === null || (writeBack.state !== 'paused' && writeBack.state !== 'waiting')) return [];
  const isPaused = writeBack.state === 'paused';
  const isBudget = writeBack.code === budgetCode;
  return [
    degraded(isBudget ? 'api-budget' : isPaused ? 'write-back-paused' : 'write-back-waiting', {
      summary: `Signup codes are not being written to Salesforce (${writeBack.code}).`,
      detail: writeBack.message,
      since: writeBack.since,
      action: isPaused
        ? 'Correct the cause; writing resumes automatically, or after a restart if a setting has to change.'
        : 'Wait: writing resumes automatically.',
    }),
  ];
}

function comparisonProblems({ failedComparison }: StoredFacts): Problem[] {
  if (failedComparison === null) return [];
  const { id, error, since, action } = failedComparison;
  return [
    degraded('comparison-failed', {
      summary: `The latest comparison with Salesforce failed (resync ${id}).`,
      detail: error,
      since,
      action: action ?? 'Correct the cause, then run "tidemark resync --all --mode verify".',
    }),
  ];
}

function repairProblem({ id, reason, error, since, action }: StoredFacts['failedRepairs'][number]): Problem {
  return degraded('repair-failed', {
    summary: `A resync that Tidemark needs failed (resync ${id}, ${reason}).`,
    detail: error,
    since,
    action: `${action ?? 'Correct the cause.'} The resync is retried automatically within 15 minutes.`,
  });
}

function rereadProblems({ failingRereads }: StoredFacts, now: Date, graceMs: number): Problem[] {
  if (failingRereads === null || now.getTime() - failingRereads.since.getTime() <= graceMs) return [];
  const { count, since, error } = failingRereads;
  return [
    degraded('rereads-failing', {
      summary: `${count} ${count === 1 ? 'account' : 'accounts'} cannot be read again from Salesforce.`,
      detail: error,
      since,
      action: 'Correct the cause; the accounts are read again automatically.',
    }),
  ];
}

function maintenanceProblem({ task, error, since }: StoredFacts['failedMaintenance'][number]): Problem {
  return degraded('maintenance-failed', {
    summary: `The maintenance task ${task} failed.`,
    detail: error,
    since,
    action: 'Correct the cause; it runs again automatically.',
  });
}

const replicaAway: Problem = degraded('replica-unavailable', {
  summary: 'The read replica does not serve reads; the primary does.',
  action: 'Check the replica of DATABASE_REPLICA_URL; it is used again automatically.',
});

/** If the local clock is behind, each event is dated ahead, and its account is read again. */
export function clockProblems({ clockAheadMs }: HealthFacts): Problem[] {
  if (clockAheadMs === null || Math.abs(clockAheadMs) <= futureToleranceMs) return [];
  const seconds = Math.round(Math.abs(clockAheadMs) / 1_000);
  const isBehind = clockAheadMs < 0;
  return [
    degraded('clock-difference', {
      summary: `The clock of this machine is about ${seconds} s ${isBehind ? 'behind' : 'ahead of'} Salesforce's${
        isBehind
          ? ': the accounts of new events are read from Salesforce instead of being updated by the event'
          : ''
      }.`,
      action: 'Synchronize the clock of this machine (NTP).',
    }),
  ];
}
