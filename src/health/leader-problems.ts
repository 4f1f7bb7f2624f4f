import type { HealthFacts, SubscriptionFacts } from './facts.ts';
import { degraded, down, type Problem } from './problem.ts';

// Heartbeats are five seconds apart; another process takes over within ten.
const heartbeatTimeoutMs = 20_000;

/** Whether a process holds the subscription, and whether it has a stream. */
export function leaderProblems(
  { now, topic }: HealthFacts,
  { renewedAt, state, stateSince, outage }: SubscriptionFacts,
  graceMs: number,
): Problem[] {
  if (!isHeld(now, { renewedAt, state, stateSince })) {
    const since = renewedAt !== null && renewedAt < stateSince ? renewedAt : stateSince;
    // Its stream was open until it was last seen; any other state is no stream either.
    return [noLeader(topic, state === 'streaming' ? (renewedAt ?? since) : since, now, graceMs)];
  }
  if (outage !== null || state === 'streaming') return [];
  // The idle state is older than the holder.
  const openingSince = state === 'idle' ? renewedAt : stateSince;
  const isLong = openingSince !== null && now.getTime() - openingSince.getTime() > graceMs;
  const severity = isLong || state === 'stopped' ? down : degraded;
  return [
    severity('stream-not-open', {
      summary: `The stream of ${topic} is not open (${state}).`,
      since: openingSince,
      action: isLong
        ? 'Find the cause in the log of the process that holds the subscription (GET /v1/status: subscription.holder).'
        : 'Wait: the stream is being opened.',
    }),
  ];
}

/** A stopped holder has released the subscription; a killed one has not. */
function isHeld(
  now: Date,
  { renewedAt, state, stateSince }: Pick<SubscriptionFacts, 'renewedAt' | 'state' | 'stateSince'>,
): boolean {
  if (renewedAt === null) return state !== 'idle';
  const isSeen = now.getTime() - renewedAt.getTime() <= heartbeatTimeoutMs;
  return isSeen && (state !== 'idle' || renewedAt > stateSince);
}

function noLeader(topic: string, since: Date, now: Date, graceMs: number): Problem {
  const severity = now.getTime() - since.getTime() > graceMs ? down : degraded;
  return severity('no-leader', {
    summary: `No process with the role sync holds the subscription to ${topic}.`,
    since,
    action: 'Start a process with the role sync, or wait ten seconds if one is starting.',
  });
}
