import { freshThrough } from './delay-problems.ts';
import type { HealthFacts } from './facts.ts';
import { mirrorProblems } from './mirror-problems.ts';
import type { Problem } from './problem.ts';
import { repairProblems } from './repair-problems.ts';

export const healthStates = ['healthy', 'degraded', 'down'] as const;

/**
 * - `healthy`: the mirror is current and nothing needs attention
 * - `degraded`: changes are mirrored, but something needs attention
 * - `down`: changes are not being mirrored
 */
export type HealthState = (typeof healthStates)[number];

export type Verdict = {
  readonly health: HealthState;
  /** `down` first; empty if and only if `healthy`. */
  readonly problems: readonly Problem[];
  /** All changes up to this moment are in the mirror; null before the initial load. */
  readonly freshThrough: Date | null;
  /** The time since `freshThrough`, in milliseconds, by the clock of the database; null if that is unknown. */
  readonly lagMs: number | null;
  /** Whether the mirror is current at this moment. `freshThrough` is saved every few seconds only. */
  readonly isCurrent: boolean;
  /** Whether the mirror has ever been current. Until then, the lag is part of the start. */
  readonly hasBeenCurrent: boolean;
  /** Up to when a comparison has shown that the mirror equals Salesforce; null without one. */
  readonly verifiedThrough: Date | null;
};

/** Outages up to this length are expected to end automatically. */
const defaultGraceMs = 60_000;

/** Judges the health of the mirror, for readiness, status, CLI and metrics. */
export function judgeHealth(facts: HealthFacts, graceMs: number = defaultGraceMs): Verdict {
  const found = withoutDuplicates([...mirrorProblems(facts, graceMs), ...repairProblems(facts, graceMs)]);
  const down = found.filter(({ severity }) => severity === 'down');
  const through = freshThrough(facts);
  const subscription = facts.stored?.subscription;
  const degraded = found.filter(({ severity }) => severity === 'degraded');
  return {
    health: down.length > 0 ? 'down' : degraded.length > 0 ? 'degraded' : 'healthy',
    problems: [...down, ...degraded],
    freshThrough: through,
    lagMs: through === null ? null : Math.max(0, facts.now.getTime() - through.getTime()),
    isCurrent: subscription?.isCurrent === true,
    hasBeenCurrent: subscription?.isCurrent === true || subscription?.currentAt != null,
    verifiedThrough: facts.stored?.verifiedThrough ?? null,
  };
}

/** Two sources may report the same problem; the later one has its start. */
function withoutDuplicates(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.code} ${problem.summary}`, problem])).values()];
}
