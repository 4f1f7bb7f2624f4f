import type { HealthFacts, SubscriptionFacts } from './facts.ts';
import type { Problem } from './verdict.ts';

// It gives a sign of life every five seconds; another process takes over within ten.
const unseenLimitMs = 20_000;

/** Whether a process holds the subscription, and whether it has a stream. */
export function leaderProblems(
  { now, topic }: HealthFacts,
  { renewedAt, state, stateSince, outage }: SubscriptionFacts,
  graceMs: number,
): Problem[] {
  // The holder that was stopped has released the subscription; one that was killed has not.
  if (state === 'idle') return [noLeader(topic, stateSince, now, graceMs)];
  const unseenMs = renewedAt === null ? 0 : now.getTime() - renewedAt.getTime();
  if (renewedAt !== null && unseenMs > unseenLimitMs) return [noLeader(topic, renewedAt, now, graceMs)];
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
        ? 'Find the cause in the log of the process that holds the subscription (GET /v1/status: subscription.holder).'
        : 'Wait: the stream is being opened.',
    },
  ];
}

function noLeader(topic: string, since: Date, now: Date, graceMs: number): Problem {
  return {
    code: 'no-leader',
    severity: now.getTime() - since.getTime() > graceMs ? 'down' : 'degraded',
    summary: `No process with the role sync holds the subscription to ${topic}.`,
    detail: null,
    since,
    action: 'Start a process with the role sync, or wait ten seconds if one is starting.',
  };
}
