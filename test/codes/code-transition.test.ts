import { describe, expect, it } from 'vitest';
import type { Version } from '../../src/apply/version.ts';
import type { Knowledge } from '../../src/codes/code-knowledge.ts';
import { type Code, decideCode, goneCode, noCode } from '../../src/codes/signup-code.ts';

const at = '2026-11-23T08:00:00.000Z';
const error = (code: string) => ({ code, message: 'No.', at });

// The read before the write was sent at 50 and contains all commits up to 1,000; the response arrived at 100.
const base: Version = [1_000, 7n, 1, 50];
const written = { base, at: 100 };

/** Every state of a code, with what the mirror knows Salesforce to hold. `OURS` is the code of the account. */
const states = {
  'without a code': { code: noCode, heldBefore: null },
  'that was cleared': { code: { ...noCode, error: error('cleared') }, heldBefore: null },
  'that waits': { code: { signupCode: 'OURS', state: 'pending', error: null }, heldBefore: null },
  'that waits to replace another': {
    code: { signupCode: 'OURS', state: 'pending', error: null, replaces: ['OLD'] },
    heldBefore: 'OLD',
  },
  'that was written': {
    code: { signupCode: 'OURS', state: 'written', error: null, written },
    heldBefore: null,
  },
  'that was written over another': {
    code: { signupCode: 'OURS', state: 'written', error: null, replaces: ['OLD'], written },
    heldBefore: 'OLD',
  },
  'that is confirmed': { code: { signupCode: 'OURS', state: 'confirmed', error: null }, heldBefore: 'OURS' },
  'that was refused': {
    code: { signupCode: 'OURS', state: 'failed', error: error('FIELD_CUSTOM_VALIDATION_EXCEPTION') },
    heldBefore: null,
  },
  'whose account was gone': {
    code: { signupCode: 'OURS', state: 'failed', error: error(goneCode) },
    heldBefore: null,
  },
  'that Salesforce holds on another account too': {
    code: { signupCode: null, state: 'failed', error: error('duplicate') },
    heldBefore: 'SHARED',
  },
} satisfies Record<string, { code: Code; heldBefore: string | null }>;

const later: Version = [2_000, 1n, 1, 0];
const observations = {
  'a change of other fields': { knowledge: { by: 'none' } },
  'an empty field in an event before the write': {
    held: null,
    knowledge: { by: 'event', version: [900, 1n, 1, 0] },
  },
  'an empty field in an event after the write': { held: null, knowledge: { by: 'event', version: later } },
  'an empty field in the event of a whole record': {
    held: null,
    knowledge: { by: 'record', version: later },
  },
  'an empty field in a read before the answer': {
    held: null,
    knowledge: { by: 'read', version: [1_000, 7n, 1, 90] },
  },
  'an empty field in a read after the answer': {
    held: null,
    knowledge: { by: 'read', version: [1_000, 7n, 1, 110] },
  },
  'our code': { held: 'OURS', knowledge: { by: 'event', version: later } },
  'the replaced code in a read before the answer': {
    held: 'OLD',
    knowledge: { by: 'read', version: [1_000, 7n, 1, 90] },
  },
  'the replaced code in an event after the write': {
    held: 'OLD',
    knowledge: { by: 'event', version: later },
  },
  'a foreign code in an event before the write': {
    held: 'THEIRS',
    knowledge: { by: 'event', version: [900, 1n, 1, 0] },
  },
  'a foreign code in an event after the write': {
    held: 'THEIRS',
    knowledge: { by: 'event', version: later },
  },
  'the shared code again': { held: 'SHARED', knowledge: { by: 'read', version: [1_000, 7n, 1, 110] } },
} satisfies Record<string, { held?: string | null; knowledge: Knowledge }>;

type State = keyof typeof states;
type Observation = keyof typeof observations;
/** `=`: the code stays as it is. Otherwise the code that is confirmed, or what becomes of ours. */
type Expected =
  | '='
  | 'confirmed OURS'
  | 'confirmed OLD'
  | 'confirmed THEIRS'
  | 'confirmed SHARED'
  | 'cleared'
  | 'pending';

const empties = (
  before: Expected,
  after: Expected,
  record: Expected,
  readBefore: Expected,
  readAfter: Expected,
) => ({
  'an empty field in an event before the write': before,
  'an empty field in an event after the write': after,
  'an empty field in the event of a whole record': record,
  'an empty field in a read before the answer': readBefore,
  'an empty field in a read after the answer': readAfter,
});
const held = (
  ours: Expected,
  oldRead: Expected,
  oldEvent: Expected,
  theirsBefore: Expected,
  theirs: Expected,
) => ({
  'our code': ours,
  'the replaced code in a read before the answer': oldRead,
  'the replaced code in an event after the write': oldEvent,
  'a foreign code in an event before the write': theirsBefore,
  'a foreign code in an event after the write': theirs,
});
const adopted = held(
  'confirmed OURS',
  'confirmed OLD',
  'confirmed OLD',
  'confirmed THEIRS',
  'confirmed THEIRS',
);
const unmoved = empties('=', '=', '=', '=', '=');

const table: Record<State, Record<Observation, Expected>> = {
  'without a code': {
    'a change of other fields': '=',
    ...unmoved,
    ...adopted,
    'the shared code again': 'confirmed SHARED',
  },
  'that was cleared': {
    'a change of other fields': '=',
    ...unmoved,
    ...adopted,
    'the shared code again': 'confirmed SHARED',
  },
  'that waits': {
    'a change of other fields': '=',
    ...unmoved,
    ...adopted,
    'the shared code again': 'confirmed SHARED',
  },
  'that waits to replace another': {
    'a change of other fields': '=',
    ...unmoved,
    ...held('confirmed OURS', '=', '=', 'confirmed THEIRS', 'confirmed THEIRS'),
    'the shared code again': 'confirmed SHARED',
  },
  'that was written': {
    'a change of other fields': '=',
    ...empties('=', 'cleared', '=', '=', 'cleared'),
    ...held('confirmed OURS', 'confirmed OLD', 'confirmed OLD', '=', 'confirmed THEIRS'),
    'the shared code again': 'confirmed SHARED',
  },
  'that was written over another': {
    'a change of other fields': '=',
    ...empties('=', 'cleared', '=', '=', 'cleared'),
    ...held('confirmed OURS', '=', 'confirmed OLD', '=', 'confirmed THEIRS'),
    'the shared code again': 'confirmed SHARED',
  },
  'that is confirmed': {
    'a change of other fields': '=',
    ...empties('cleared', 'cleared', 'cleared', 'cleared', 'cleared'),
    ...held('=', 'confirmed OLD', 'confirmed OLD', 'confirmed THEIRS', 'confirmed THEIRS'),
    'the shared code again': 'confirmed SHARED',
  },
  'that was refused': {
    'a change of other fields': '=',
    ...unmoved,
    ...adopted,
    'the shared code again': 'confirmed SHARED',
  },
  'whose account was gone': {
    'a change of other fields': 'pending',
    ...empties('pending', 'pending', 'pending', 'pending', 'pending'),
    ...adopted,
    'the shared code again': 'confirmed SHARED',
  },
  'that Salesforce holds on another account too': {
    'a change of other fields': '=',
    ...unmoved,
    ...adopted,
    'the shared code again': '=',
  },
};

function decide(state: State, observation: Observation, restore = false): Code {
  const { code, heldBefore } = states[state];
  const seen: { held?: string | null; knowledge: Knowledge } = observations[observation];
  const { held: now = heldBefore, knowledge } = seen;
  const situation = {
    before: code,
    heldBefore,
    held: now,
    knowledge,
    deleted: false,
    eligible: false,
    restore,
    at,
  };
  return decideCode(situation, () => 'NEW');
}

function inWords(before: Code, after: Code): Expected | string {
  if (after === before) return '=';
  if (after.state === 'none') return after.error?.code ?? 'none';
  return after.state === 'pending' && after.signupCode === before.signupCode
    ? 'pending'
    : `${after.state} ${after.signupCode}`;
}

const cells = (Object.keys(table) as State[]).flatMap((state) =>
  (Object.keys(observations) as Observation[]).map((observation) => [state, observation] as const),
);

describe('the code of an account', () => {
  it.each(cells)('a code %s meets %s, and the table says what follows', (state, observation) => {
    expect(inWords(states[state].code, decide(state, observation))).toBe(table[state][observation]);
  });

  it('a cleared code is written again, the same one, if that is configured', () => {
    for (const [state, observation] of cells) {
      if (table[state][observation] !== 'cleared') continue;
      expect(decide(state, observation, true)).toEqual({ signupCode: 'OURS', state: 'pending', error: null });
    }
  });

  it('a code written before the time of the write was recorded is cleared by any event or read', () => {
    const before: Code = { signupCode: 'OURS', state: 'written', error: null };
    const stateAfter = (knowledge: Knowledge) =>
      decideCode(
        {
          before,
          heldBefore: null,
          held: null,
          knowledge,
          deleted: false,
          eligible: false,
          restore: false,
          at,
        },
        () => 'NEW',
      ).state;
    expect(stateAfter({ by: 'read', version: [1, 0n, 0, 1] })).toBe('none');
    expect(stateAfter({ by: 'event', version: [1, 1n, 1, 0] })).toBe('none');
  });
});
