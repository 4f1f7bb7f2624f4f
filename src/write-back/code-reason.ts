import { evaluateFilter } from '../codes/code-filter.ts';
import { type CodeRules, isNew } from '../codes/code-rules.ts';
import { duplicateCode } from '../codes/resolve-code-conflicts.ts';
import { type Code, type CodeError, clearedCode, goneCode } from '../codes/signup-code.ts';
import type { FieldValues } from '../salesforce/change-event.ts';
import type { RefusalClass } from '../salesforce/failures/rule.ts';
import { budgetCode, type Reason } from './check-field.ts';
import { classifyRefusal } from './refusal-class.ts';
import type { WriteBackState } from './state-row.ts';

/** Why an account has no confirmed code. */
export const codeReasons = {
  deleted: 'The account is deleted in Salesforce. A pending code is written if the account is restored.',
  unread:
    'Not all values of the account are known yet. Whether it gets a code is decided when it has been read.',
  'existed-before':
    'The account was created before the first start of Tidemark, and `SIGNUP_CODE_BACKFILL` is off.',
  'not-selected': 'The account does not match `SIGNUP_CODE_FILTER`.',
  backfill: 'The account gets a code when the backfill reaches it.',
  unassigned:
    'The account matches the rules since the settings changed. It gets a code with its next change.',
  cleared: 'The code was cleared in Salesforce. Request a code to assign a new one.',
  transferred:
    'The code was transferred to another account, as in a merge. Request a code to assign a new one.',
  'not-running': 'No process writes codes. Start a process with the role `sync`.',
  'api-budget': "The share of the org's daily API requests that Tidemark may use is spent.",
  'field-unusable': 'The signup code field cannot hold codes. Writing resumes automatically when it can.',
  paused: 'Writing is paused until an operator corrects the cause. Writing then resumes automatically.',
  'org-unavailable': 'Salesforce does not respond or accepts no writes. Writing resumes automatically.',
  retry: 'An attempt failed temporarily. The code is sent again, not before `until`.',
  queued: 'The code has not been sent yet.',
  unconfirmed: 'Salesforce accepted the code. A change event or a read has to confirm it.',
  duplicate: 'Salesforce holds the same code on another account. Change one of them in Salesforce.',
  missing: 'Salesforce did not return the account: it is deleted, or the integration user may not see it.',
  refused: 'Salesforce refused the code. Correct the cause in Salesforce, then retry it.',
} as const;

export type CodeReasonCode = keyof typeof codeReasons;

export type CodeReason = {
  readonly code: CodeReasonCode;
  /** With the facts of this account, such as the message of Salesforce. */
  readonly message: string;
  /** The earliest time of the next attempt, if it is known. */
  readonly until: Date | null;
  /** The class of Salesforce's refusal. */
  readonly refusalClass: RefusalClass | null;
};

export type ReasonSituation = {
  readonly code: Pick<Code, 'signupCode' | 'state' | 'error'>;
  /** When a pending code is sent next. */
  readonly dueAt: Date;
  readonly isDeleted: boolean;
  /** Whether all values of the account are known. */
  readonly isComplete: boolean;
  readonly values: FieldValues;
  readonly rules: Pick<CodeRules, 'field' | 'newSince' | 'backfill' | 'filter'>;
  readonly isBackfillFinished: boolean;
  readonly writeBack: WriteBackActivity;
  readonly now: Date;
};

/** What the write-back does. `idle`: no process runs it. */
export type WriteBackActivity = {
  readonly state: WriteBackState | 'idle';
  readonly reason: Pick<Reason, 'code' | 'message'> | null;
};

/** Why an account has no confirmed code; null if it has one. */
export function codeReason(situation: ReasonSituation): CodeReason | null {
  const { code, isDeleted } = situation;
  if (code.state === 'confirmed') return null;
  if (isDeleted) return reason('deleted', code.error?.message);
  switch (code.state) {
    case 'none':
      return code.error === null ? unassignedReason(situation) : lossReason(code.error);
    case 'pending':
      return stoppedReason(situation.writeBack) ?? waitingReason(situation);
    case 'written':
      return reason('unconfirmed');
    case 'failed':
      return failedReason(situation);
  }
}

/** For an account that has had no code. */
function unassignedReason({ isComplete, values, rules, isBackfillFinished }: ReasonSituation): CodeReason {
  if (!isComplete) return reason('unread');
  if (!rules.backfill && !isNew(rules, { values })) return reason('existed-before');
  if (rules.filter !== null && !evaluateFilter(rules.filter, values)) return reason('not-selected');
  return reason(rules.backfill && !isBackfillFinished ? 'backfill' : 'unassigned');
}

/** For an account that has had a code. */
function lossReason({ code, message }: CodeError): CodeReason {
  return reason(code === clearedCode ? 'cleared' : 'transferred', message);
}

/** Why no code is sent; null if codes are sent. */
function stoppedReason({ state, reason: cause }: WriteBackActivity): CodeReason | null {
  const facts = cause === null ? undefined : `${cause.message} (${cause.code})`;
  switch (state) {
    case 'running':
      return null;
    case 'idle':
      return reason('not-running');
    case 'waiting':
      return reason(cause?.code === budgetCode ? 'api-budget' : 'org-unavailable', facts);
    case 'paused':
      return reason(cause?.code.startsWith('field-') === true ? 'field-unusable' : 'paused', facts);
  }
}

/** For a code that is sent when it is due. */
function waitingReason({ code: { error }, dueAt, rules, now }: ReasonSituation): CodeReason {
  const until = dueAt > now ? dueAt : null;
  if (error === null) return until === null ? reason('queued') : { ...reason('retry'), until };
  return { ...refusal('retry', error, rules.field), until };
}

function failedReason({ code: { error }, rules }: ReasonSituation): CodeReason {
  if (error === null) return reason('refused');
  if (error.code === duplicateCode) return reason('duplicate', error.message);
  if (error.code === goneCode) return { ...reason('missing', error.message), refusalClass: 'gone' };
  return refusal('refused', error, rules.field);
}

function refusal(code: CodeReasonCode, error: CodeError, field: string): CodeReason {
  const refusalClass = classifyRefusal(error.code, error.message, field);
  return { ...reason(code, `${error.message} (${error.code})`), refusalClass };
}

/** @param facts what is known of this account */
function reason(code: CodeReasonCode, facts?: string): CodeReason {
  const sentences = codeReasons[code].replaceAll('`', '');
  return {
    code,
    message: facts === undefined ? sentences : `${sentences} ${facts}`,
    until: null,
    refusalClass: null,
  };
}
