import { type Knowledge, knowsWrite, type Written } from './code-knowledge.ts';

export const codeStates = ['none', 'pending', 'written', 'confirmed', 'failed'] as const;

/**
 * - `none`: the account has no code
 * - `pending`: it has one that Salesforce has not accepted yet
 * - `written`: Salesforce accepted it; neither a change event nor a read has shown it yet
 * - `confirmed`: Salesforce holds the same code
 * - `failed`: Salesforce refuses it, or holds a code that another account has; a person has to look
 */
export type CodeState = (typeof codeStates)[number];

export type CodeError = {
  /** Salesforce's status code, or one of ours in lower case. */
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
  /** The fields that Salesforce's answer named. */
  readonly fields?: readonly string[];
};

export type Code = {
  readonly signupCode: string | null;
  readonly state: CodeState;
  readonly error: CodeError | null;
  /** Codes that this one replaces on request. Salesforce may still hold one of them. */
  readonly replaces?: readonly string[];
  /** State `written` only: when Salesforce accepted it. */
  readonly written?: Written;
};

/** The error of a code whose account Salesforce did not return; when it does, the code is written after all. */
export const goneCode = 'ENTITY_IS_DELETED';

/** The error of an account whose code somebody cleared in Salesforce. */
export const clearedCode = 'cleared';

export const noCode: Code = { signupCode: null, state: 'none', error: null };

export type CodeSituation = {
  readonly before: Code;
  /** What Salesforce held and holds, by the merge rule. */
  readonly heldBefore: string | null;
  readonly held: string | null;
  /** How that is known. */
  readonly knowledge: Knowledge;
  readonly deleted: boolean;
  /** Whether the rules give this account a code if it has none. */
  readonly eligible: boolean;
  /** Whether a code that was cleared in Salesforce is written again. */
  readonly restore: boolean;
  /** ISO 8601. */
  readonly at: string;
};

/**
 * The code of an account after something became known of it: a change event, a read, or the answer to our write.
 *
 * Salesforce wins: a code that it holds is adopted and never overwritten, except one that is being replaced on
 * request. A code that was cleared there is given up, or written again if so configured. Otherwise an eligible account
 * without a code gets one, once.
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
 * The code after Salesforce has accepted it. The stream can be faster than the answer: what it has brought since the
 * read before the write counts.
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
    throw new Error('an accepted code is there');
  });
}

function adopt({ before, heldBefore, knowledge }: CodeSituation, held: string): Code {
  const adopted: Code = { signupCode: held, state: 'confirmed', error: null };
  if (held === before.signupCode) return before.state === 'confirmed' ? before : adopted;
  if (before.state === 'written') {
    const age = knowsWrite(knowledge, before.written);
    // An older value cannot speak against our write; the value that we replaced can be older as long as it may be.
    if (age === 'before' || (age === 'unknown' && isReplaced(before, held))) return before;
    return adopted;
  }
  if (isReplaced(before, held)) return before;
  return held === heldBefore && before.state === 'failed' ? before : adopted;
}

/** Whether Salesforce held the code of the account and holds none now. */
function isCleared({ before, heldBefore, knowledge }: CodeSituation): boolean {
  if (before.signupCode === null) return false;
  if (before.signupCode === heldBefore) return true;
  if (before.state === 'confirmed') return knowledge.by !== 'nothing';
  return before.state === 'written' && knowsWrite(knowledge, before.written) === 'after';
}

function clear({ before, restore, at }: CodeSituation): Code {
  const { signupCode } = before;
  if (restore) return { signupCode, state: 'pending', error: null };
  const message = `The code ${signupCode} was cleared in Salesforce.`;
  return { signupCode: null, state: 'none', error: { code: clearedCode, message, at } };
}

/** Whether Salesforce holds a code that is on its way out: the new one is written over it. */
export function isReplaced({ signupCode, replaces = [] }: Code, held: string): boolean {
  return held !== signupCode && replaces.includes(held);
}
