import type { Static } from 'typebox';
import { problemMessage } from '../../health/describe-problem.ts';
import type { Verdict } from '../../health/verdict.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { isoTime } from './time.ts';

/** The members of the status that say how the mirror is doing. */
export function healthJson({ health, problems, freshThrough, lagMs, verifiedThrough }: Verdict): HealthJson {
  return {
    health,
    reasons: problems.map((problem) => ({
      code: problem.code,
      message: problemMessage(problem),
      since: isoTime(problem.since),
      action: problem.action,
    })),
    freshThrough: isoTime(freshThrough),
    lagMilliseconds: lagMs,
    verifiedThrough: isoTime(verifiedThrough),
  };
}

type HealthJson = Pick<
  Static<typeof StatusSchema>,
  'health' | 'reasons' | 'freshThrough' | 'lagMilliseconds' | 'verifiedThrough'
>;
