import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCodeFilter } from '../../src/codes/code-filter.ts';
import { duplicateCode, transferredCode } from '../../src/codes/resolve-code-conflicts.ts';
import { clearedCode, codeStates, goneCode } from '../../src/codes/signup-code.ts';
import { codeReason, codeReasons, type ReasonSituation } from '../../src/write-back/code-reason.ts';
import { runs } from '../helpers/property.ts';

const start = new Date('2026-11-23T10:00:00.000Z');
const now = new Date('2026-11-23T12:00:00.000Z');
const later = new Date('2026-11-23T12:00:30.000Z');
const filter = parseCodeFilter("Type = 'Customer'");
const errorOf = (code: string) => ({ code, message: `Words for ${code}.`, at: start.toISOString() });
const reasonOf = (code: string) => ({ code, message: `Words for ${code}.` });

/** A new account that matches the filter and has no code, while codes are being written. */
const plain: ReasonSituation = {
  code: { signupCode: null, state: 'none', error: null },
  dueAt: new Date(0),
  isDeleted: false,
  isComplete: true,
  values: new Map([
    ['Type', 'Customer'],
    ['CreatedDate', '2026-11-23T11:00:00.000Z'],
  ]),
  rules: { field: 'SignUpCode__c', newSince: start, backfill: false, filter },
  isBackfillFinished: false,
  writeBack: { state: 'running', reason: null },
  now,
};
const pending = (more: Partial<ReasonSituation> = {}, error: string | null = null): ReasonSituation => ({
  ...plain,
  code: { signupCode: 'CODE', state: 'pending', error: error === null ? null : errorOf(error) },
  ...more,
});
const none = (error: string): ReasonSituation => ({
  ...plain,
  code: { signupCode: null, state: 'none', error: errorOf(error) },
});
const failed = (error: string): ReasonSituation => ({
  ...plain,
  code: { signupCode: 'CODE', state: 'failed', error: errorOf(error) },
});
const old = new Map([
  ['Type', 'Customer'],
  ['CreatedDate', '2026-11-22T11:00:00.000Z'],
]);
const withBackfill = { ...plain.rules, backfill: true };

const cases: readonly (readonly [reason: string, what: string, ReasonSituation])[] = [
  ['deleted', 'a deleted account', { ...plain, isDeleted: true }],
  ['deleted', 'a deleted account with a pending code', pending({ isDeleted: true })],
  ['deleted', 'a deleted account with a refused code', { ...failed('ANY'), isDeleted: true }],
  ['unread', 'an account of which only some fields are known', { ...plain, isComplete: false }],
  ['existed-before', 'an account that is older than Tidemark', { ...plain, values: old }],
  ['existed-before', 'an account without a creation date', { ...plain, values: new Map() }],
  [
    'not-selected',
    'an account that does not match',
    {
      ...plain,
      values: new Map([...plain.values, ['Type', 'Partner']]),
    },
  ],
  [
    'not-selected',
    'an old account that does not match, with the backfill',
    {
      ...plain,
      values: new Map([...old, ['Type', 'Partner']]),
      rules: withBackfill,
    },
  ],
  [
    'backfill',
    'an account that the backfill has not reached',
    {
      ...plain,
      values: old,
      rules: withBackfill,
    },
  ],
  ['unassigned', 'an account that matches by now', plain],
  [
    'unassigned',
    'an account that matches by now, after the backfill',
    {
      ...plain,
      rules: withBackfill,
      isBackfillFinished: true,
    },
  ],
  ['cleared', 'a cleared code', none(clearedCode)],
  ['transferred', 'a transferred code', none(transferredCode)],
  [
    'not-running',
    'a pending code without a process',
    pending({ writeBack: { state: 'idle', reason: null } }),
  ],
  [
    'api-budget',
    'a pending code when the budget is spent',
    pending({
      writeBack: { state: 'waiting', reason: reasonOf('api-allowance') },
    }),
  ],
  [
    'field-unusable',
    'a pending code when the field is too short',
    pending({
      writeBack: { state: 'paused', reason: reasonOf('field-too-short') },
    }),
  ],
  [
    'paused',
    'a pending code without the permission to edit accounts',
    pending({
      writeBack: { state: 'paused', reason: reasonOf('INSUFFICIENT_ACCESS') },
    }),
  ],
  [
    'org-unavailable',
    'a pending code when Salesforce does not respond',
    pending({
      writeBack: { state: 'waiting', reason: reasonOf('UNKNOWN_EXCEPTION') },
    }),
  ],
  ['retry', 'a code that is sent again', pending({ dueAt: later }, 'UNABLE_TO_LOCK_ROW')],
  ['retry', 'a code that is due again', pending({}, 'UNABLE_TO_LOCK_ROW')],
  ['queued', 'a new code', pending()],
  [
    'unconfirmed',
    'a written code',
    {
      ...plain,
      code: { signupCode: 'CODE', state: 'written', error: null },
    },
  ],
  ['duplicate', 'a code that another account has', failed(duplicateCode)],
  ['missing', 'an account that Salesforce does not return', failed(goneCode)],
  ['refused', 'a refused code', failed('FIELD_CUSTOM_VALIDATION_EXCEPTION')],
];

describe('why an account has no confirmed code', () => {
  test.each(cases)('the reason is %s for %s', (reason, _what, situation) => {
    expect(codeReason(situation)?.code).toBe(reason);
  });

  test('every reason of the API is given to some account', () => {
    expect(new Set(cases.map(([reason]) => reason))).toEqual(new Set(Object.keys(codeReasons)));
  });

  test('the page on write-back lists every reason with its meaning', () => {
    const page = readFileSync(new URL('../../docs/write-back.md', import.meta.url), 'utf8');
    const rows = Object.entries(codeReasons).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
    expect(page).toContain(rows.join('\n'));
  });

  test("a refusal is explained with its class and Salesforce's words", () => {
    expect(codeReason(failed('FIELD_CUSTOM_VALIDATION_EXCEPTION'))).toMatchObject({
      message: expect.stringContaining('Words for FIELD_CUSTOM_VALIDATION_EXCEPTION.'),
      refusalClass: 'permanent',
      until: null,
    });
    expect(codeReason(pending({ dueAt: later }, 'UNABLE_TO_LOCK_ROW'))).toMatchObject({
      message: expect.stringContaining('Words for UNABLE_TO_LOCK_ROW.'),
      refusalClass: 'retry',
      until: later,
    });
  });

  test('an account has exactly one reason if its code is not confirmed, and none if it is', () => {
    const error = fc.option(
      fc
        .constantFrom(clearedCode, transferredCode, duplicateCode, goneCode, 'UNABLE_TO_LOCK_ROW', 'NEW_CODE')
        .map(errorOf),
      { nil: null },
    );
    const time = fc.constantFrom(new Date(0), start, now, later);
    const situations = fc.record({
      code: fc.record({
        signupCode: fc.constantFrom(null, 'CODE'),
        state: fc.constantFrom(...codeStates),
        error,
      }),
      dueAt: time,
      isDeleted: fc.boolean(),
      isComplete: fc.boolean(),
      values: fc.constantFrom(plain.values, old, new Map<string, string>(), new Map([['Type', 'Partner']])),
      rules: fc.record({
        field: fc.constant('SignUpCode__c'),
        newSince: fc.constantFrom(null, start),
        backfill: fc.boolean(),
        filter: fc.constantFrom(null, filter),
      }),
      isBackfillFinished: fc.boolean(),
      writeBack: fc.record({
        state: fc.constantFrom('idle' as const, 'running' as const, 'waiting' as const, 'paused' as const),
        reason: fc.constantFrom(
          null,
          ...['api-allowance', 'field-missing', 'INSUFFICIENT_ACCESS'].map(reasonOf),
        ),
      }),
      now: time,
    });
    fc.assert(
      fc.property(situations, (situation) => {
        const found = codeReason(situation);
        if (situation.code.state === 'confirmed') return found === null;
        if (found === null || found.message === '') return false;
        return (
          Object.hasOwn(codeReasons, found.code) && (found.until === null || found.until > situation.now)
        );
      }),
      runs,
    );
  });
});
