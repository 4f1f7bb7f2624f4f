import type { HealthFacts } from './facts.ts';
import { freshThrough } from './fresh-through.ts';
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
  /** Those that make it `down` first; empty if and only if it is `healthy`. */
  readonly problems: readonly Problem[];
  /** All changes up to this moment are in the mirror; null before the initial load. */
  readonly freshThrough: Date | null;
  /** The time since `freshThrough`, in milliseconds, by the clock of the database; null if that is unknown. */
  readonly lagMs: number | null;
  /** A comparison has shown the mirror to equal Salesforce up to this moment; null without one. */
  readonly verifiedThrough: Date | null;
};

/** An outage of up to this length is expected to end without a person. */
export const defaultGraceMs = 60_000;

/** The one judgment of how the mirror is doing: readiness, status, CLI and metrics report it. */
export function judgeHealth(facts: HealthFacts, graceMs: number = defaultGraceMs): Verdict {
  const found = withoutRepetition([...mirrorProblems(facts, graceMs), ...repairProblems(facts, graceMs)]);
  const down = found.filter(({ severity }) => severity === 'down');
  const through = freshThrough(facts);
  const degraded = found.filter(({ severity }) => severity === 'degraded');
  return {
    health: down.length > 0 ? 'down' : degraded.length > 0 ? 'degraded' : 'healthy',
    problems: [...down, ...degraded],
    freshThrough: through,
    lagMs: through === null ? null : Math.max(0, facts.now.getTime() - through.getTime()),
    verifiedThrough: facts.stored?.verifiedThrough ?? null,
  };
}

/** The same may be known from two sources; the later one knows since when. */
function withoutRepetition(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.code} ${problem.summary}`, problem])).values()];
}
