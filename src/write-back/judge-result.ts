import type { CodeRules } from '../codes/code-rules.ts';
import { type CodeError, type CodeState, goneCode } from '../codes/signup-code.ts';
import type { RefusalClass } from '../salesforce/failures/rule.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import { classifyRefusal } from './refusal-class.ts';

/** A code that is sent to Salesforce. */
export type WaitingCode = {
  readonly id: string;
  readonly code: string;
  /** Attempts with a temporary refusal since the code became pending. */
  readonly tries: number;
  /** Codes that were refused as duplicates since the account became pending. */
  readonly refusals: number;
};

/** Salesforce's result for one record; `gone` if the read before the write did not return the record. */
export type RecordResult = CodeWriteResult | 'gone';

/** The state of a code after an attempt. */
export type AttemptOutcome = {
  readonly id: string;
  /** The code that was sent. */
  readonly sent: string;
  readonly state: Extract<CodeState, 'pending' | 'written' | 'failed'>;
  /** The code from now on: a new one if the one that was sent is a duplicate. */
  readonly code: string;
  readonly error: CodeError | null;
  readonly tries: number;
  readonly refusals: number;
  /** Milliseconds until it is sent again. */
  readonly dueInMs: number;
  readonly outcome: 'written' | 'again' | 'taken' | 'gone' | 'failed';
  readonly refusalClass: RefusalClass | null;
  /** Whether the next attempt sends it in a call of its own: only then is a failure final. */
  readonly alone: boolean;
};

export type RetryPolicy = {
  /** Attempts until the code becomes a dead letter. */
  readonly maxTries: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
};

// Twenty attempts take slightly more than an hour.
export const defaultRetryPolicy: RetryPolicy = { maxTries: 20, firstPauseMs: 1_000, maxPauseMs: 5 * 60_000 };

/** New codes for an account whose code is refused as a duplicate. */
export const maxRefusals = 3;

export type RetryContext = {
  /** From 0 to 1, for the jitter of the backoff. */
  readonly random: number;
  /** Generates a code. */
  readonly generate: () => string;
  /** Time of the result, ISO 8601. */
  readonly at: string;
  readonly retryPolicy: RetryPolicy;
  /** API name of the signup code field. */
  readonly field: string;
};

/** The context of results that have just arrived. */
export function createRetryContext({ generate, field }: CodeRules, retryPolicy: RetryPolicy): RetryContext {
  return { random: Math.random(), generate, at: new Date().toISOString(), retryPolicy, field };
}

/** What the other records of the call, and earlier calls, show. */
export type CallSummary = {
  /** Number of records in the call. */
  readonly size: number;
  /** Whether a record of the call was accepted. */
  readonly accepted: boolean;
  /** Whether another record was accepted since this one was first refused because of a permission or the field. */
  readonly othersSucceeded: boolean;
  /** Whether consecutive calls with several records were refused because of a missing permission. */
  readonly orgWide: boolean;
};

export const singleRecordCall: CallSummary = {
  size: 1,
  accepted: false,
  othersSucceeded: false,
  orgWide: false,
};

/** Decides the outcome of an attempt by the class of the result. A code that may have been written never changes. */
export function judgeResult(
  waiting: WaitingCode,
  result: RecordResult,
  context: RetryContext,
  call: CallSummary = singleRecordCall,
): AttemptOutcome {
  const { id, code, tries, refusals } = waiting;
  const same = { id, sent: code, code, tries, refusals, dueInMs: 0, alone: false };
  if (result === 'gone') {
    const error = { code: goneCode, message: goneMessage, at: context.at };
    return { ...same, state: 'failed', error, outcome: 'gone', refusalClass: 'gone' };
  }
  if (result.success)
    return { ...same, state: 'written', error: null, outcome: 'written', refusalClass: null };
  const refusalClass = classifyRefusal(result.code, result.message, context.field);
  const error = { code: result.code, message: result.message, at: context.at, fields: result.fields };
  return { ...same, refusalClass, error, ...outcomeByClass[refusalClass](waiting, context, call) };
}

type Outcome = Pick<AttemptOutcome, 'state' | 'outcome'> & Partial<AttemptOutcome>;

const failed: Outcome = { state: 'failed', outcome: 'failed' };
/** Sent again at once, or when the org accepts writes again; does not count as an attempt. */
const uncounted: Outcome = { state: 'pending', outcome: 'again' };

const outcomeByClass: Readonly<
  Record<RefusalClass, (waiting: WaitingCode, context: RetryContext, call: CallSummary) => Outcome>
> = {
  retry({ tries }, { random, retryPolicy: { maxTries, firstPauseMs, maxPauseMs } }, { size }) {
    const next = tries + 1;
    if (next >= maxTries) return size > 1 ? { ...uncounted, alone: true } : { ...failed, tries: next };
    const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(tries, 20));
    return { ...uncounted, tries: next, dueInMs: Math.round(full / 2 + (full / 2) * random) };
  },
  // If another record of the call was accepted, the org accepts writes.
  org: (waiting, context, call) => (call.accepted ? outcomeByClass.retry(waiting, context, call) : uncounted),
  access(waiting, context, call) {
    if (call.accepted || call.othersSucceeded) return failed;
    return call.orgWide ? uncounted : outcomeByClass.retry(waiting, context, call);
  },
  batch: (_waiting, _context, { size }) => (size > 1 ? uncounted : failed),
  taken({ refusals }, { generate }) {
    if (refusals >= maxRefusals) return { ...failed, outcome: 'taken' };
    return { state: 'pending', outcome: 'taken', code: generate(), refusals: refusals + 1 };
  },
  // The read before the write returned it; another read decides whether it is deleted.
  gone: (waiting, context, call) => outcomeByClass.retry(waiting, context, call),
  // A permission on the field can be missing temporarily and for every record; the field check finds out.
  field: (waiting, context, call) =>
    call.accepted || call.othersSucceeded ? failed : outcomeByClass.retry(waiting, context, call),
  permanent: () => failed,
};

const goneMessage =
  'Salesforce does not return this account: it is deleted, or the integration user may not see it.';
