import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Code,
  type CodeSituation,
  codeStates,
  decideCode,
  goneCode,
  noCode,
} from '../../src/codes/signup-code.ts';
import { runs } from '../helpers/property.ts';

const at = '2026-11-23T08:00:00.000Z';
const error = { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'No.', at };
const code = (signupCode: string | null, state: Code['state'], failure: Code['error'] = null): Code => ({
  signupCode,
  state,
  error: failure,
});
const decide = (situation: Partial<CodeSituation>): Code =>
  decideCode(
    {
      before: noCode,
      heldBefore: null,
      held: null,
      knowledge: { by: 'none' },
      deleted: false,
      eligible: false,
      restore: false,
      at,
      ...situation,
    },
    () => 'NEW',
  );

describe('the code of an account', () => {
  it.each<[string, Partial<CodeSituation>, Code]>([
    ['is made for a new account', { eligible: true }, code('NEW', 'pending')],
    ['is not made for an account that is not to have one', {}, noCode],
    ['is not made for a deleted account', { eligible: true, deleted: true }, noCode],
    ['is not made twice', { before: code('OLD', 'pending'), eligible: true }, code('OLD', 'pending')],
    [
      'is adopted where Salesforce has one already',
      { held: 'HELD', eligible: true },
      code('HELD', 'confirmed'),
    ],
    [
      'gives way to the one that Salesforce holds',
      { before: code('OLD', 'pending'), held: 'HELD' },
      code('HELD', 'confirmed'),
    ],
    [
      'is confirmed by Salesforce holding it',
      { before: code('OLD', 'written'), held: 'OLD' },
      code('OLD', 'confirmed'),
    ],
    [
      'stays written while Salesforce has said nothing yet',
      { before: code('OLD', 'written') },
      code('OLD', 'written'),
    ],
    [
      'is gone when it was cleared in Salesforce',
      { before: code('OLD', 'confirmed'), heldBefore: 'OLD' },
      code(null, 'none', { code: 'cleared', message: 'The code OLD was cleared in Salesforce.', at }),
    ],
    [
      'is not made again after it was cleared',
      { before: code(null, 'none', error), eligible: true },
      code(null, 'none', error),
    ],
    ['stays refused', { before: code('OLD', 'failed', error) }, code('OLD', 'failed', error)],
    [
      'is written after all when the account that was gone is back',
      { before: code('OLD', 'failed', { ...error, code: goneCode }) },
      code('OLD', 'pending'),
    ],
    [
      'is not written to an account that is still gone',
      { before: code('OLD', 'failed', { ...error, code: goneCode }), deleted: true },
      code('OLD', 'failed', { ...error, code: goneCode }),
    ],
    [
      'is written again when it was cleared in Salesforce and that is wished',
      { before: code('OLD', 'confirmed'), heldBefore: 'OLD', restore: true },
      code('OLD', 'pending'),
    ],
    [
      'that replaces another waits on while Salesforce still holds that one',
      { before: { ...code('NEW', 'pending'), replaces: ['OLD'] }, heldBefore: 'OLD', held: 'OLD' },
      { ...code('NEW', 'pending'), replaces: ['OLD'] },
    ],
    [
      'that replaces another is confirmed like any other',
      { before: { ...code('NEW', 'written'), replaces: ['OLD'] }, heldBefore: 'OLD', held: 'NEW' },
      code('NEW', 'confirmed'),
    ],
    [
      'that replaces another gives way to a third',
      { before: { ...code('NEW', 'pending'), replaces: ['OLD'] }, heldBefore: 'OLD', held: 'HELD' },
      code('HELD', 'confirmed'),
    ],
    [
      'that replaces another is written where that one was cleared meanwhile',
      { before: { ...code('NEW', 'pending'), replaces: ['OLD'] }, heldBefore: 'OLD' },
      { ...code('NEW', 'pending'), replaces: ['OLD'] },
    ],
    [
      'changes when Salesforce holds another one than before',
      { before: code('OLD', 'confirmed'), heldBefore: 'OLD', held: 'HELD' },
      code('HELD', 'confirmed'),
    ],
  ])('the code of an account %s', (_, situation, after) => {
    expect(decide(situation)).toEqual(after);
  });

  it('a confirmed code is returned as the same object if nothing changed', () => {
    const before = code('OLD', 'confirmed');
    expect(decide({ before, heldBefore: 'OLD', held: 'OLD' })).toBe(before);
  });

  it('an existing code is replaced only by one that Salesforce has and removed only by its clearing', () => {
    const text = fc.constantFrom('A', 'B', 'C');
    const situation = fc.record({
      before: fc
        .record({
          signupCode: text,
          state: fc.constantFrom(...codeStates.filter((state) => state !== 'none')),
        })
        .map(({ signupCode, state }) => code(signupCode, state, state === 'failed' ? error : null)),
      heldBefore: fc.option(text),
      held: fc.option(text),
      deleted: fc.boolean(),
      eligible: fc.boolean(),
      restore: fc.constant(false),
    });
    fc.assert(
      fc.property(situation, (given) => {
        const after = decide(given);
        const { before, held, heldBefore } = given;
        if (after.signupCode === before.signupCode) return;
        if (held !== null) expect(after).toEqual(code(held, 'confirmed'));
        else expect([after.signupCode, heldBefore]).toEqual([null, before.signupCode]);
      }),
      runs,
    );
  });

  it('an account has at most one code over any sequence of events: if Salesforce has none, the first one stays', () => {
    const moments = fc.array(fc.record({ deleted: fc.boolean(), eligible: fc.boolean() }), { maxLength: 20 });
    fc.assert(
      fc.property(moments, (life) => {
        let made = 0;
        const states = life.map((moment) => ({
          ...moment,
          heldBefore: null,
          held: null,
          knowledge: { by: 'none' as const },
          restore: false,
          at,
        }));
        const end = states.reduce((before, moment) => {
          const after = decideCode({ ...moment, before }, () => `CODE${++made}`);
          return after.state === 'pending' ? { ...after, state: 'written' as const } : after;
        }, noCode);
        expect(made).toBeLessThanOrEqual(1);
        expect(end.signupCode).toBe(made === 0 ? null : 'CODE1');
      }),
      runs,
    );
  });
});
