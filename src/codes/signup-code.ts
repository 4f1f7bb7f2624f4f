import { type Knowledge, knowsWrite, type Written } from './code-knowledge.ts';

export const codeStates = ['none', 'pending', 'written', 'confirmed', 'failed'] as const;

/**
 * - `none`: the account has no code
 * - `pending`: Salesforce has not accepted the code yet
 * - `written`: Salesforce accepted it; no change event or read has confirmed it yet
 * - `confirmed`: Salesforce holds the same code
 * - `failed`: Salesforce refuses it, or holds a code of another account; an operator has to act
 */
export type CodeState = (typeof codeStates)[number];

/** Whether Salesforce is known to hold a code in this state. */
export function isHeldState(state: CodeState): boolean {
  return state === 'written' || state === 'confirmed';
}

export type CodeError = {
  /** Salesforce's status code, or Tidemark's in lower case. */
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
  /** The fields named by Salesforce's response. */
  readonly fields?: readonly string[];
};

export type Code = {
  readonly signupCode: string | null;
  readonly state: CodeState;
  readonly error: CodeError | null;
  /** Codes that this one replaces; Salesforce may still hold one of them. */
  readonly replaces?: readonly string[];
  /** For state `written`. */
  readonly written?: Written;
  /** When the account got the code, epoch milliseconds; for stored codes in the states `pending` and `written`. */
  readonly assignedAt?: number;
};

/** Error code: Salesforce did not return the account. The code is pending again if it does. */
export const goneCode = 'ENTITY_IS_DELETED';

/** Error code: the code was cleared in Salesforce. */
export const clearedCode = 'cleared';

export const noCode: Code = { signupCode: null, state: 'none', error: null };

export type CodeSituation = {
  readonly before: Code;
  /** The codes in Salesforce before and after the change, by the merge. */
  readonly heldBefore: string | null;
  readonly held: string | null;
  readonly knowledge: Knowledge;
  readonly deleted: boolean;
  /** Whether the account gets a code if it has none. */
  readonly eligible: boolean;
  /** Whether a code that was cleared in Salesforce is written again. */
  readonly restore: boolean;
  /** ISO 8601. */
  readonly at: string;
};

/**
 * Decides the code of an account after a change event, a read, or a response to a write.
 *
 * Salesforce wins: its code is adopted and never overwritten, except one that is being replaced on request. A code that
 * was cleared there is removed, or written again if so configured. An eligible account without a code gets one, once.
 */
export function decideCode(situation: CodeSituation, generate: () => string): Code {
  const { before, held, deleted, eligible } = situation;
  if (held !== null) return adopt(situation, held);
  if (isCleared(situation)) return clear(situation);
  if (before.state === 'failed' && before.error?.code === goneCode && !deleted) {
    return { ...before, state: 'pending', error: null };
  }
  if (before.signupCode === null && before.error === null && eligible && !deleted) {
    return { signupCode: generate(), state: 'pending', error: null };
  }
  return before;
}

/**
 * Decides the code after Salesforce has accepted it. The stream can be faster than the response: events since the read
 * before the write count.
 */
export function acceptWrite(
  { signupCode, replaces }: Pick<Code, 'signupCode' | 'replaces'>,
  written: Written,
  mirror: Pick<CodeSituation, 'held' | 'knowledge' | 'restore'>,
): Code {
  const before: Code = { signupCode, state: 'written', error: null, ...(replaces && { replaces }), written };
  const at = new Date(written.at).toISOString();
  const situation = { ...mirror, before, heldBefore: mirror.held, deleted: false, eligible: false, at };
  return decideCode(situation, () => {
    throw new Error('an accepted code is not generated');
  });
}

function adopt({ before, heldBefore, knowledge }: CodeSituation, held: string): Code {
  const adopted: Code = { signupCode: held, state: 'confirmed', error: null };
  if (held === before.signupCode) return before.state === 'confirmed' ? before : adopted;
  if (before.state === 'written') {
    const age = knowsWrite(knowledge, before.written);
    // An older value does not contradict the write; the replaced value may be older.
    if (age === 'before' || (age === 'unknown' && isReplaced(before, held))) return before;
    return adopted;
  }
  if (isReplaced(before, held)) return before;
  return held === heldBefore && before.state === 'failed' ? before : adopted;
}

/** Whether the code was cleared in Salesforce. */
function isCleared({ before, heldBefore, knowledge }: CodeSituation): boolean {
  if (before.signupCode === null) return false;
  if (before.signupCode === heldBefore) return true;
  if (before.state === 'confirmed') return knowledge.by !== 'none';
  return before.state === 'written' && knowsWrite(knowledge, before.written) === 'after';
}

function clear({ before, restore, at }: CodeSituation): Code {
  const { signupCode } = before;
  if (restore) return { signupCode, state: 'pending', error: null };
  const message = `The code ${signupCode} was cleared in Salesforce.`;
  return { signupCode: null, state: 'none', error: { code: clearedCode, message, at } };
}

/** Whether Salesforce holds a code that is being replaced. */
function isReplaced({ signupCode, replaces = [] }: Code, held: string): boolean {
  return held !== signupCode && replaces.includes(held);
}
