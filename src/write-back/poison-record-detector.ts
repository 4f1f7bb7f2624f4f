import type { SalesforceError } from '../salesforce/error.ts';
import { type AttemptOutcome, judgeResult, type RetryContext, type WaitingCode } from './judge-result.ts';

/**
 * Distinguishes a failure of one record from a failure of all records: it concerns the record alone if others succeeded
 * since its previous failure.
 */
export type RecordFailures = {
  /** Counts a success of another record. */
  countSuccess(): void;
  /** Counts a failure. @returns whether others succeeded since the previous failure of this record */
  countFailure(id: string): boolean;
};

export function createRecordFailures(): RecordFailures {
  let successes = 0;
  const successesAtFailure = new Map<string, number>();
  return {
    countSuccess() {
      successes++;
    },
    countFailure(id) {
      const before = successesAtFailure.get(id);
      successesAtFailure.set(id, successes);
      return before !== undefined && successes > before;
    },
  };
}

/**
 * Distinguishes a record that makes each of its calls fail from an org in which every call fails: the failure of a call
 * with one account counts as an attempt only if other calls have succeeded since the previous one.
 */
export type PoisonRecordDetector = Pick<RecordFailures, 'countSuccess'> & {
  judge(waiting: WaitingCode, error: SalesforceError, context: RetryContext): AttemptOutcome;
};

export function createPoisonRecordDetector(): PoisonRecordDetector {
  const failures = createRecordFailures();
  return {
    countSuccess: failures.countSuccess,
    judge(waiting, { code, message }, context) {
      const isOwn = failures.countFailure(waiting.id);
      const result = { success: false, code: 'UNKNOWN', message, fields: [] } as const;
      const outcome = judgeResult(waiting, result, context);
      const error = { code, message, at: context.at };
      if (isOwn) return { ...outcome, error };
      return { ...outcome, error, state: 'pending', outcome: 'again', tries: waiting.tries };
    },
  };
}
