import type { SalesforceError } from '../../salesforce/error.ts';
import { type Circumstances, judgeAnswer, type Verdict, type WaitingCode } from './judge-answer.ts';

/**
 * Tells a record that makes every call with it fail from an org that fails every call: a failure of an account alone
 * counts as a try only if other calls have succeeded since it last failed alone.
 */
export type LoneFailures = {
  succeeded(): void;
  judge(waiting: WaitingCode, error: SalesforceError, around: Circumstances): Verdict;
};

export function createLoneFailures(): LoneFailures {
  let successes = 0;
  const suspects = new Map<string, number>();
  return {
    succeeded() {
      successes++;
    },
    judge(waiting, { code, message }, around) {
      const before = suspects.get(waiting.id);
      suspects.set(waiting.id, successes);
      const answer = { success: false, code: 'UNKNOWN', message, fields: [] } as const;
      const verdict = judgeAnswer(waiting, answer, around);
      const error = { code, message, at: around.at };
      if (before !== undefined && successes > before) return { ...verdict, error };
      return { ...verdict, error, state: 'pending', outcome: 'again', tries: waiting.tries };
    },
  };
}
