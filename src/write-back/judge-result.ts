import { type CodeError, type CodeState, goneCode } from '../codes/signup-code.ts';
import type { AnswerClass } from '../salesforce/failures/rule.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import { classOf } from './answer-class.ts';

/** A code on its way. */
export type WaitingCode = {
  readonly id: string;
  readonly code: string;
  /** Answers that asked to try again, since it began to wait. */
  readonly tries: number;
  /** Codes that were refused as taken, since the account began to wait. */
  readonly refusals: number;
};

/** What was answered for one record; `gone` where Salesforce didn't find it before anything was sent. */
export type Answer = CodeWriteResult | 'gone';

/** What becomes of a code after an answer. */
export type Verdict = {
  readonly id: string;
  /** The code that was sent. */
  readonly sent: string;
  readonly state: Extract<CodeState, 'pending' | 'written' | 'failed'>;
  /** The code from now on; another one where the sent one was taken. */
  readonly code: string;
  readonly error: CodeError | null;
  readonly tries: number;
  readonly refusals: number;
  /** When it is sent again, in milliseconds from now. */
  readonly dueInMs: number;
  readonly outcome: 'written' | 'again' | 'taken' | 'gone' | 'failed';
  readonly answerClass: AnswerClass | null;
  /** Whether it is sent by itself next: only a failure alone is final. */
  readonly alone: boolean;
};

export type RetryPolicy = {
  /** Answers after which trying again ends. */
  readonly maxTries: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
};

// Twenty tries take a little more than an hour.
export const defaultRetryPolicy: RetryPolicy = { maxTries: 20, firstPauseMs: 1_000, maxPauseMs: 5 * 60_000 };

/** How many new codes are made for an account whose code is refused as taken. */
export const maxRefusals = 3;

/** From 0 to 1; makes a code; ISO 8601. */
export type RetryContext = {
  readonly random: number;
  readonly generate: () => string;
  readonly at: string;
  readonly retryPolicy: RetryPolicy;
  /** The field of the codes. */
  readonly field: string;
};

/** The other records of the same call, and of calls before. */
export type Company = {
  /** Records in the call, this one included. */
  readonly size: number;
  /** Whether one of them was accepted. */
  readonly accepted: boolean;
  /** Whether another record was accepted since this one was first refused for want of a right or for the field. */
  readonly contrasted: boolean;
  /** Whether several calls in a row were refused for want of a right, with several records. */
  readonly orgWide: boolean;
};

export const alone: Company = { size: 1, accepted: false, contrasted: false, orgWide: false };

/** Reads an answer by its class. A code that may have been written never changes; one that was refused as taken may. */
export function judgeAnswer(
  waiting: WaitingCode,
  answer: Answer,
  around: RetryContext,
  company: Company = alone,
): Verdict {
  const { id, code, tries, refusals } = waiting;
  const same = { id, sent: code, code, tries, refusals, dueInMs: 0, alone: false };
  if (answer === 'gone') {
    const error = { code: goneCode, message: goneMessage, at: around.at };
    return { ...same, state: 'failed', error, outcome: 'gone', answerClass: 'gone' };
  }
  if (answer.success)
    return { ...same, state: 'written', error: null, outcome: 'written', answerClass: null };
  const answerClass = classOf(answer.code, answer.message, around.field);
  const error = { code: answer.code, message: answer.message, at: around.at, fields: answer.fields };
  return { ...same, answerClass, error, ...outcomeByClass[answerClass](waiting, around, company) };
}

type Outcome = Pick<Verdict, 'state' | 'outcome'> & Partial<Verdict>;

const failed: Outcome = { state: 'failed', outcome: 'failed' };
/** Sent again at once, or when the org takes writes again; not counted as a try of this record. */
const uncounted: Outcome = { state: 'pending', outcome: 'again' };

const outcomeByClass: Readonly<
  Record<AnswerClass, (waiting: WaitingCode, around: RetryContext, company: Company) => Outcome>
> = {
  again({ tries }, { random, retryPolicy: { maxTries, firstPauseMs, maxPauseMs } }, { size }) {
    const next = tries + 1;
    if (next >= maxTries) return size > 1 ? { ...uncounted, alone: true } : { ...failed, tries: next };
    const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(tries, 20));
    return { ...uncounted, tries: next, dueInMs: Math.round(full / 2 + (full / 2) * random) };
  },
  // An org that takes another record of the same call takes writes.
  org: (waiting, around, company) =>
    company.accepted ? outcomeByClass.again(waiting, around, company) : uncounted,
  access(waiting, around, company) {
    if (company.accepted || company.contrasted) return failed;
    return company.orgWide ? uncounted : outcomeByClass.again(waiting, around, company);
  },
  batch: (_waiting, _around, { size }) => (size > 1 ? uncounted : failed),
  taken({ refusals }, { generate }) {
    if (refusals >= maxRefusals) return { ...failed, outcome: 'taken' };
    return { state: 'pending', outcome: 'taken', code: generate(), refusals: refusals + 1 };
  },
  // It was there a moment ago: reading it again tells, and until then it is not given up.
  gone: (waiting, around, company) => outcomeByClass.again(waiting, around, company),
  // The right to the field can be lost for a moment, for every record; the field is checked meanwhile.
  field: (waiting, around, company) =>
    company.accepted || company.contrasted ? failed : outcomeByClass.again(waiting, around, company),
  permanent: () => failed,
};

const goneMessage =
  'Salesforce does not return this account: it is deleted, or the integration user may not see it.';
