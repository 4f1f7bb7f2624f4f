import type { SalesforceError } from '../salesforce/error.ts';
import { type Contrast, createContrast } from './contrast.ts';
import { type AttemptOutcome, judgeResult, type RetryContext, type WaitingCode } from './judge-result.ts';

/**
 * Distinguishes a record that makes each of its calls fail from an org in which every call fails: the failure of a call
 * with one account counts as an attempt only if other calls have succeeded since the previous one.
 */
export type PoisonRecordDetector = Pick<Contrast, 'succeeded'> & {
  judge(waiting: WaitingCode, error: SalesforceError, context: RetryContext): AttemptOutcome;
};

export function createPoisonRecordDetector(): PoisonRecordDetector {
  const contrast = createContrast();
  return {
    succeeded: contrast.succeeded,
    judge(waiting, { code, message }, context) {
      const isOwn = contrast.failed(waiting.id);
      const result = { success: false, code: 'UNKNOWN', message, fields: [] } as const;
      const outcome = judgeResult(waiting, result, context);
      const error = { code, message, at: context.at };
      if (isOwn) return { ...outcome, error };
      return { ...outcome, error, state: 'pending', outcome: 'again', tries: waiting.tries };
    },
  };
}
