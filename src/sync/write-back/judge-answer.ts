import type { CodeWriteResult } from '../../salesforce/signup-codes.ts';
import { type CodeError, type CodeState, goneCode } from '../signup-code.ts';
import { type AnswerClass, classOf } from './answer-class.ts';

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
};

export type Patience = {
  /** Answers after which trying again ends. */
  readonly maxTries: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** How long an allowance that is used up is left alone. */
  readonly windowMs: number;
};

// Twenty tries take a little more than an hour.
export const usualPatience: Patience = {
  maxTries: 20,
  firstPauseMs: 1_000,
  maxPauseMs: 5 * 60_000,
  windowMs: 5 * 60_000,
};

/** How many new codes are made for an account whose code is refused as taken. */
export const maxRefusals = 3;

/** From 0 to 1; makes a code; ISO 8601. */
export type Circumstances = {
  readonly random: number;
  readonly generate: () => string;
  readonly at: string;
  readonly patience: Patience;
};

/** Reads an answer by its class. A code that may have been written never changes; one that was refused as taken may. */
export function judgeAnswer(waiting: WaitingCode, answer: Answer, around: Circumstances): Verdict {
  const { id, code, tries, refusals } = waiting;
  const same = { id, sent: code, code, tries, refusals, dueInMs: 0 };
  if (answer === 'gone') {
    const error = { code: goneCode, message: goneMessage, at: around.at };
    return { ...same, state: 'failed', error, outcome: 'gone', answerClass: 'gone' };
  }
  if (answer.success)
    return { ...same, state: 'written', error: null, outcome: 'written', answerClass: null };
  const answerClass = classOf(answer.code, answer.message);
  const error = { code: answer.code, message: answer.message, at: around.at, fields: answer.fields };
  return { ...same, answerClass, error, ...fates[answerClass](waiting, around) };
}

type Fate = Pick<Verdict, 'state' | 'outcome'> & Partial<Verdict>;

const failed: Fate = { state: 'failed', outcome: 'failed' };

const fates: Readonly<Record<AnswerClass, (waiting: WaitingCode, around: Circumstances) => Fate>> = {
  again({ tries }, { random, patience: { maxTries, firstPauseMs, maxPauseMs } }) {
    const next = tries + 1;
    if (next >= maxTries) return { ...failed, tries: next };
    const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(tries, 20));
    const dueInMs = Math.round(full / 2 + (full / 2) * random);
    return { state: 'pending', outcome: 'again', tries: next, dueInMs };
  },
  window: (_, { patience }) => ({ state: 'pending', outcome: 'again', dueInMs: patience.windowMs }),
  taken({ refusals }, { generate }) {
    if (refusals >= maxRefusals) return { ...failed, outcome: 'taken' };
    return { state: 'pending', outcome: 'taken', code: generate(), refusals: refusals + 1 };
  },
  // It was there a moment ago: reading it again tells, and until then it is not given up.
  gone: (waiting, around) => fates.again(waiting, around),
  field: () => failed,
  permanent: () => failed,
};

const goneMessage = 'Salesforce does not have this account any more.';
