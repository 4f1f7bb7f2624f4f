import type { CodeError } from '../codes/signup-code.ts';
import type { RefusalClass } from '../salesforce/failures/rule.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import { type AttemptOutcome, judgeResult, type RetryContext, type WaitingCode } from './judge-result.ts';
import { classifyRefusal } from './refusal-class.ts';

/** One record of a call, and its result. */
export type CallRecord = { readonly waiting: WaitingCode; readonly result: CodeWriteResult };

/** Consecutive calls without an accepted record in which some were refused because of a missing permission. */
export type AccessRefusals = {
  readonly calls: number;
  /** Ids of refused records, at most two: more add no evidence. */
  readonly ids: readonly string[];
};

export const noAccessRefusals: AccessRefusals = { calls: 0, ids: [] };

// Minimum evidence that the whole org is affected; a single call or record proves nothing.
const minOrgWideCalls = 3;
const minOrgWideRecords = 2;

export type CallOutcome = {
  readonly outcomes: readonly AttemptOutcome[];
  /**
   * Why the call was refused as a whole, or null:
   * - `org`: the org temporarily accepts no writes
   * - `access`: the user has no permission to edit accounts, or the org is read-only
   * - `batch`: the batch is too large, or one record makes the others fail
   * - `busy`: all records are locked, possibly by each other
   */
  readonly refusedBy: 'org' | 'access' | 'batch' | 'busy' | null;
  /** Salesforce's error for that refusal. */
  readonly error: CodeError | null;
  readonly accessRefusals: AccessRefusals;
};

export type Evidence = {
  readonly accessRefusals: AccessRefusals;
  /** Whether another record was accepted since this one was first refused because of a permission or the field. */
  readonly othersSucceededSince: (id: string) => boolean;
};

/**
 * Decides whether refusals concern single records, the whole call or the whole org. A refusal is final only if its
 * class concerns the record alone, or if the record was the only one of the call.
 */
export function judgeCall(
  call: readonly CallRecord[],
  context: RetryContext,
  { accessRefusals: before, othersSucceededSince }: Evidence,
): CallOutcome {
  const accepted = call.some(({ result }) => result.success);
  const classes = call.map(({ result }) => classOfResult(result, context.field));
  const refusedIds = call.flatMap(({ waiting }, index) => (classes[index] === 'access' ? [waiting.id] : []));
  const accessRefusals = accepted ? noAccessRefusals : addRefusals(before, refusedIds);
  const orgWide = accessRefusals.calls >= minOrgWideCalls && accessRefusals.ids.length >= minOrgWideRecords;
  const refusedBy = accepted ? null : wholeRefusal(classes, orgWide);
  const outcomes = call.map(({ waiting, result }, index) => {
    const othersSucceeded =
      decidedByOtherRecords.has(classes[index] ?? null) && othersSucceededSince(waiting.id);
    const outcome = judgeResult(waiting, result, context, {
      size: call.length,
      accepted,
      othersSucceeded,
      orgWide,
    });
    const leftOver = outcome.refusalClass === 'batch' && outcome.state === 'pending';
    return leftOver && refusedBy !== 'batch' ? { ...outcome, alone: true } : outcome;
  });
  const blamed = outcomes.find(({ refusalClass }) => refusalClass === refusedBy);
  return { outcomes, refusedBy, error: blamed?.error ?? null, accessRefusals };
}

// Classes that can concern one record or all of them; the success of others decides.
const decidedByOtherRecords: ReadonlySet<RefusalClass | null> = new Set<RefusalClass>(['access', 'field']);

function classOfResult(result: CodeWriteResult, field: string): RefusalClass | null {
  return result.success ? null : classifyRefusal(result.code, result.message, field);
}

function addRefusals(before: AccessRefusals, refusedIds: readonly string[]): AccessRefusals {
  if (refusedIds.length === 0) return before;
  const ids = [...new Set([...before.ids, ...refusedIds])].slice(0, minOrgWideRecords);
  return { calls: before.calls + 1, ids };
}

/** Why a call in which no record was accepted was refused as a whole. */
function wholeRefusal(classes: readonly (RefusalClass | null)[], orgWide: boolean): CallOutcome['refusedBy'] {
  if (classes.includes('org')) return 'org';
  if (orgWide && classes.includes('access')) return 'access';
  if (classes.length === 1) return null;
  if (classes.includes('batch')) return 'batch';
  return classes.every((each) => each === 'retry') ? 'busy' : null;
}
