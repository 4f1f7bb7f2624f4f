export const codeStates = ['none', 'pending', 'written', 'confirmed', 'failed'] as const;

/**
 * - `none`: the account has no code
 * - `pending`: it has one that Salesforce has not accepted yet
 * - `written`: Salesforce accepted it; the change event that proves it has not come yet
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
};

/** The error of a code whose account Salesforce had no more; when the account comes back, it is written after all. */
export const goneCode = 'ENTITY_IS_DELETED';

export const noCode: Code = { signupCode: null, state: 'none', error: null };

export type CodeSituation = {
  readonly before: Code;
  /** What Salesforce held and holds, by the merge rule. */
  readonly heldBefore: string | null;
  readonly held: string | null;
  readonly deleted: boolean;
  /** Whether the rules give this account a code if it has none. */
  readonly eligible: boolean;
  /** Whether a code that was cleared in Salesforce is written again. */
  readonly restore: boolean;
  /** ISO 8601. */
  readonly at: string;
};

/**
 * The code of an account after a change of it. Salesforce wins: a code that it holds is adopted and never
 * overwritten, but for one that is being replaced on request; one that was cleared there is gone, or written again
 * where that is wished. Otherwise an eligible account without a code gets one, once.
 */
export function decideCode(situation: CodeSituation, generate: () => string): Code {
  const { before, heldBefore, held, deleted, eligible } = situation;
  if (held !== null) {
    const same = held === before.signupCode;
    if (same && before.state === 'confirmed') return before;
    if (isReplaced(before, held)) return before;
    if (held === heldBefore && before.state === 'failed') return before;
    return { signupCode: held, state: 'confirmed', error: null };
  }
  if (heldBefore !== null && before.signupCode === heldBefore) {
    if (situation.restore) return { signupCode: heldBefore, state: 'pending', error: null };
    const message = `The code ${heldBefore} was cleared in Salesforce.`;
    return { signupCode: null, state: 'none', error: { code: 'cleared', message, at: situation.at } };
  }
  if (before.state === 'failed' && before.error?.code === goneCode && !deleted) {
    return { ...before, state: 'pending', error: null };
  }
  if (before.signupCode === null && before.error === null && eligible && !deleted) {
    return { signupCode: generate(), state: 'pending', error: null };
  }
  return before;
}

/** Whether Salesforce holds a code that is on its way out: the new one is written over it. */
export function isReplaced({ signupCode, replaces = [] }: Code, held: string): boolean {
  return held !== signupCode && replaces.includes(held);
}
