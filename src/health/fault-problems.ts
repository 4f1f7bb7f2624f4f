import { storageFaultCodes } from '../db/database-fault.ts';
import type { Fault, FaultArea, HealthFacts, SubscriptionFacts } from './facts.ts';
import { type Problem, problemCodes } from './problem.ts';

/** Outages of the stream and of applying. Faults in memory are known even while the database takes no writes. */
export function faultProblems(
  facts: HealthFacts,
  subscription: SubscriptionFacts | null,
  graceMs: number,
): Problem[] {
  const stream = currentFault(facts, 'stream', subscription?.outage);
  const apply = currentFault(facts, 'apply', subscription?.applyFault);
  // No grace period before the initial load: there is nothing to serve.
  const limitMs = subscription?.loadedAt == null ? Number.NEGATIVE_INFINITY : graceMs;
  return [
    ...(stream === undefined ? [] : [streamProblem(facts, stream, limitMs)]),
    ...(apply === undefined ? [] : [applyProblem(facts, apply, limitMs)]),
    ...facts.faults.filter(({ area }) => area === 'topic').map(topicProblem),
  ];
}

// Difference between the clocks of this process and the database.
const clockSkewMs = 1_000;

/** If both have the fault, the stored start counts, unless it was stored late. */
function currentFault(
  { faults }: HealthFacts,
  area: FaultArea,
  stored: Fault | null = null,
): Fault | undefined {
  const own = faults.find((fault) => fault.area === area);
  if (own === undefined || stored === null) return own ?? stored ?? undefined;
  const isLate = stored.since.getTime() - own.since.getTime() > clockSkewMs;
  return { ...own, since: isLate ? own.since : stored.since };
}

function streamProblem({ topic, now }: HealthFacts, stream: Fault, graceMs: number): Problem {
  const storage = storageFaultCodes.get(stream.code);
  const isStopped = stream.needsPerson === true;
  const storageCode = problemCodes.find((code) => storage !== undefined && code === stream.code);
  return {
    code: storageCode ?? (isStopped ? 'stream-stopped' : 'stream-down'),
    severity: isLasting(stream, now, graceMs) ? 'down' : 'degraded',
    summary:
      storage === undefined
        ? `The stream of ${topic} is ${isStopped ? 'stopped' : 'down'}.`
        : `Changes are not being stored: ${storage}.`,
    detail: `${stream.message} (${stream.code})`,
    since: stream.since,
    action: stream.action,
  };
}

function applyProblem({ now }: HealthFacts, apply: Fault, graceMs: number): Problem {
  const storage = storageFaultCodes.get(apply.code);
  return {
    code: 'apply-failing',
    severity: isLasting(apply, now, graceMs) ? 'down' : 'degraded',
    summary: `Stored changes cannot be applied${storage === undefined ? '' : `: ${storage}`}.`,
    detail: `${apply.message} (${apply.code})`,
    since: apply.since,
    action: apply.action,
  };
}

// Only degraded: the Tooling API may not show the whole selection.
function topicProblem({ code, message, since, action }: Fault): Problem {
  return {
    code: code === 'topic-without-contact' ? code : 'topic-without-account',
    severity: 'degraded',
    summary: message,
    detail: null,
    since,
    action,
  };
}

// No grace period: these last until an operator acts.
const immediate = new Set(['database-full', 'database-read-only']);

function isLasting({ since, code, needsPerson }: Fault, now: Date, graceMs: number): boolean {
  return needsPerson === true || immediate.has(code) || now.getTime() - since.getTime() > graceMs;
}
