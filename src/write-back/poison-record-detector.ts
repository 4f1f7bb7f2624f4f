import type { SalesforceError } from '../salesforce/error.ts';
import { type Contrast, createContrast } from './contrast.ts';
import { judgeAnswer, type RetryContext, type Verdict, type WaitingCode } from './judge-result.ts';

/**
 * Tells a record that makes every call with it fail from an org that fails every call: a failure of an account alone
 * counts as a try only if other calls have succeeded since it last failed alone.
 */
export type PoisonRecordDetector = Pick<Contrast, 'succeeded'> & {
  judge(waiting: WaitingCode, error: SalesforceError, around: RetryContext): Verdict;
};

export function createLoneFailures(): PoisonRecordDetector {
  const contrast = createContrast();
  return {
    succeeded: contrast.succeeded,
    judge(waiting, { code, message }, around) {
      const isOwn = contrast.failed(waiting.id);
      const answer = { success: false, code: 'UNKNOWN', message, fields: [] } as const;
      const verdict = judgeAnswer(waiting, answer, around);
      const error = { code, message, at: around.at };
      if (isOwn) return { ...verdict, error };
      return { ...verdict, error, state: 'pending', outcome: 'again', tries: waiting.tries };
    },
  };
}
