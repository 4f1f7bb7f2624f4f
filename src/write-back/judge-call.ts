import type { CodeError } from '../codes/signup-code.ts';
import type { AnswerClass } from '../salesforce/failures/rule.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import { classOf } from './answer-class.ts';
import { judgeAnswer, type RetryContext, type Verdict, type WaitingCode } from './judge-result.ts';

/** One record of a call, and what was answered for it. */
export type Answered = { readonly waiting: WaitingCode; readonly answer: CodeWriteResult };

/** Calls in a row in which no record was accepted and some were refused for want of a right. */
export type AccessRefusals = {
  readonly calls: number;
  /** Two of the records, since more tell nothing more. */
  readonly ids: readonly string[];
};

export const noAccessRefusals: AccessRefusals = { calls: 0, ids: [] };

// One call of one record says nothing about the org.
const orgWideCalls = 3;
const orgWideRecords = 2;

export type CallVerdict = {
  readonly verdicts: readonly Verdict[];
  /**
   * What refused the call as a whole, if anything did:
   * - `org`: the org takes no writes just now
   * - `access`: the user may write no account, or the org is read-only
   * - `batch`: so many records at once are too much, or one of them spoils the others
   * - `busy`: all of them were busy for the moment, maybe with each other
   */
  readonly refusedBy: 'org' | 'access' | 'batch' | 'busy' | null;
  /** Salesforce's words for it. */
  readonly error: CodeError | null;
  readonly accessRefusals: AccessRefusals;
};

export type Evidence = {
  readonly accessRefusals: AccessRefusals;
  /** Whether another record was accepted since this one was first refused for want of a right or for the field. */
  readonly isContrasted: (id: string) => boolean;
};

/**
 * Tells what concerns a record from what concerns the whole call or the whole org. A refusal is final only if it is
 * the record's own by its nature, or if the record failed alone.
 */
export function judgeCall(
  call: readonly Answered[],
  around: RetryContext,
  { accessRefusals: before, isContrasted }: Evidence,
): CallVerdict {
  const accepted = call.some(({ answer }) => answer.success);
  const classes = call.map(({ answer }) => classIn(answer, around.field));
  const refusedIds = call.flatMap(({ waiting }, index) => (classes[index] === 'access' ? [waiting.id] : []));
  const accessRefusals = accepted ? noAccessRefusals : counted(before, refusedIds);
  const orgWide = accessRefusals.calls >= orgWideCalls && accessRefusals.ids.length >= orgWideRecords;
  const refusedBy = accepted ? null : wholeRefusal(classes, orgWide);
  const verdicts = call.map(({ waiting, answer }, index) => {
    const contrasted = judgedByContrast.has(classes[index] ?? null) && isContrasted(waiting.id);
    const verdict = judgeAnswer(waiting, answer, around, {
      size: call.length,
      accepted,
      contrasted,
      orgWide,
    });
    const leftOver = verdict.answerClass === 'batch' && verdict.state === 'pending';
    return leftOver && refusedBy !== 'batch' ? { ...verdict, alone: true } : verdict;
  });
  const blamed = verdicts.find(({ answerClass }) => answerClass === refusedBy);
  return { verdicts, refusedBy, error: blamed?.error ?? null, accessRefusals };
}

// What is refused so may be refused to every record.
const judgedByContrast: ReadonlySet<AnswerClass | null> = new Set<AnswerClass>(['access', 'field']);

function classIn(answer: CodeWriteResult, field: string): AnswerClass | null {
  return answer.success ? null : classOf(answer.code, answer.message, field);
}

function counted(before: AccessRefusals, refusedIds: readonly string[]): AccessRefusals {
  if (refusedIds.length === 0) return before;
  const ids = [...new Set([...before.ids, ...refusedIds])].slice(0, orgWideRecords);
  return { calls: before.calls + 1, ids };
}

/** Of a call in which no record was accepted. */
function wholeRefusal(classes: readonly (AnswerClass | null)[], orgWide: boolean): CallVerdict['refusedBy'] {
  if (classes.includes('org')) return 'org';
  if (orgWide && classes.includes('access')) return 'access';
  if (classes.length === 1) return null;
  if (classes.includes('batch')) return 'batch';
  return classes.every((each) => each === 'again') ? 'busy' : null;
}
