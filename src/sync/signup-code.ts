import { customAlphabet } from 'nanoid';

/** Digits and letters that can't be taken for one another: no 0/O, no 1/I/l. 57 of them. */
export const codeAlphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
export const codeLength = 10;

/** A new random code: 10 characters, 58 bits, from the operating system's secure random source. */
export const generateCode: () => string = customAlphabet(codeAlphabet, codeLength);

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
};

export type Code = {
  readonly signupCode: string | null;
  readonly state: CodeState;
  readonly error: CodeError | null;
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
  /** ISO 8601. */
  readonly at: string;
};

/**
 * The code of an account after a change of it. Salesforce wins: a code that it holds is adopted and never
 * overwritten; one that was cleared there is gone. Otherwise an eligible account without a code gets one, once.
 */
export function decideCode(situation: CodeSituation, generate: () => string): Code {
  const { before, heldBefore, held, deleted, eligible } = situation;
  if (held !== null) {
    const same = held === before.signupCode;
    if (same && before.state === 'confirmed') return before;
    if (held === heldBefore && before.state === 'failed') return before;
    return { signupCode: held, state: 'confirmed', error: null };
  }
  if (heldBefore !== null && before.signupCode === heldBefore) {
    const message = `The code ${heldBefore} was cleared in Salesforce.`;
    return { signupCode: null, state: 'none', error: { code: 'cleared', message, at: situation.at } };
  }
  if (before.state === 'failed' && before.error?.code === goneCode && !deleted) {
    return { signupCode: before.signupCode, state: 'pending', error: null };
  }
  if (before.signupCode === null && before.error === null && eligible && !deleted) {
    return { signupCode: generate(), state: 'pending', error: null };
  }
  return before;
}
