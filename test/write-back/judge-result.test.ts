import { describe, expect, it } from 'vitest';
import { codeRules } from '../../src/codes/code-rules.ts';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { maxBatch } from '../../src/salesforce/signup-codes.ts';
import { fieldProblem } from '../../src/write-back/check-field.ts';
import { defaultRetryPolicy, judgeResult } from '../../src/write-back/judge-result.ts';
import { afterFailure, afterSuccess, fullPace, isOpen, pauseMs } from '../../src/write-back/pace.ts';
import { createPoisonRecordDetector } from '../../src/write-back/poison-record-detector.ts';
import { classifyRefusal, fieldCodes } from '../../src/write-back/refusal-class.ts';

const field = 'SignUpCode__c';
const context = {
  random: 1,
  generate: () => 'NEW',
  at: '2026-11-23T08:00:00.000Z',
  retryPolicy: defaultRetryPolicy,
  field,
};
const waiting = { id: 'A', code: 'OLD', tries: 0, refusals: 0 };
const refusal = (code: string, message = 'No.') => ({ success: false, code, message, fields: [] }) as const;

describe('the class of a result', () => {
  it.each([
    ['UNABLE_TO_LOCK_ROW', 'retry'],
    ['COLLISION_DETECTED', 'retry'],
    ['UNKNOWN', 'retry'],
    ['ORG_IN_MAINTENANCE', 'org'],
    ['TERRITORY_REALIGN_IN_PROGRESS', 'org'],
    ['REQUEST_LIMIT_EXCEEDED', 'org'],
    ['INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE', 'org'],
    ['INSUFFICIENT_ACCESS_OR_READONLY', 'access'],
    ['CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', 'batch'],
    ['DUPLICATE_VALUE', 'taken'],
    ['ENTITY_IS_DELETED', 'gone'],
    ['INVALID_FIELD', 'field'],
    ['FIELD_CUSTOM_VALIDATION_EXCEPTION', 'permanent'],
    ['INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY', 'permanent'],
    ['MAX_LIMIT_EXCEEDED', 'batch'],
    ['INVALID_READ_ONLY_USER_DML', 'batch'],
    ['SOMETHING_NEW', 'batch'],
    ['__proto__', 'batch'],
  ])('the error code %s has the class %s', (code, refusal) => {
    expect(classifyRefusal(code, '', field)).toBe(refusal);
  });

  it('a locked row that a trigger hides is recognized by the message', () => {
    const message = 'AccountTrigger: System.DmlException: first error: UNABLE_TO_LOCK_ROW, unable to obtain';
    expect(classifyRefusal('CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', message, field)).toBe('retry');
  });

  it('an org that takes no writes is recognized in the message of a trigger', () => {
    const message =
      "AccountTrigger: System.DmlException: first error: INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE, Updates can't be made during maintenance.";
    expect(classifyRefusal('CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', message, field)).toBe('org');
  });

  it.each([
    ['duplicate value found: SignUpCode__c duplicates value on record with id: 001', 'taken'],
    ['duplicate value found: <unknown> duplicates value on record with id: <unknown>', 'taken'],
    ['duplicate value found: Erp_Number__c duplicates value on record with id: 001', 'permanent'],
  ])(
    'a duplicate asks for a new code only if it can be one of the field of the codes: %s',
    (message, refusal) => {
      expect(classifyRefusal('DUPLICATE_VALUE', message, field)).toBe(refusal);
      expect(classifyRefusal('DUPLICATE_VALUE', message, 'Tidemark__SignUpCode__c')).toBe(refusal);
    },
  );

  it('a refusal because of the field concerns the codes that are sent again when the field is repaired', () => {
    expect(fieldCodes).toContain('STRING_TOO_LONG');
  });
});

describe('the outcome of an attempt', () => {
  it('a retried code is sent with growing delays and fails after the last attempt', () => {
    const pauses: number[] = [];
    let tries = 0;
    for (;;) {
      const outcome = judgeResult({ ...waiting, tries }, refusal('UNABLE_TO_LOCK_ROW'), context);
      expect(outcome.code).toBe('OLD');
      if (outcome.state === 'failed') break;
      pauses.push(outcome.dueInMs);
      ({ tries } = outcome);
    }
    expect(pauses).toHaveLength(defaultRetryPolicy.maxTries - 1);
    expect(pauses.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(Math.max(...pauses)).toBe(defaultRetryPolicy.maxPauseMs);
  });

  it('a taken code is replaced by another one three times', () => {
    const refusals = [0, 1, 2, 3].map((count) =>
      judgeResult({ ...waiting, refusals: count }, refusal('DUPLICATE_VALUE'), context),
    );
    expect(refusals.map(({ state, code }) => [state, code])).toEqual([
      ['pending', 'NEW'],
      ['pending', 'NEW'],
      ['pending', 'NEW'],
      ['failed', 'OLD'],
    ]);
  });
});

describe('the circuit breaker', () => {
  const busy = new SalesforceError('busy', 'SERVER_UNAVAILABLE', 'transient', { retryAfterMs: 90_000 });
  const reset = new SalesforceError('reset', 'ECONNRESET', 'transient');

  it('the circuit breaker opens at the third consecutive failure and probes with one account', () => {
    const states = [1, 2, 3, 4].reduce(
      (paces) => [...paces, afterFailure(paces.at(-1) ?? fullPace)],
      [fullPace],
    );
    expect(states.map(isOpen)).toEqual([false, false, false, true, true]);
    expect(states.map(({ batchSize }) => batchSize)).toEqual([maxBatch, 50, 12, 3, 1]);
    const { refusedSize } = fullPace;
    expect(afterSuccess({ failures: 4, batchSize: 1, refusedSize }, 0)).toEqual({
      failures: 0,
      batchSize: 4,
      refusedSize,
    });
    expect(afterSuccess({ failures: 1, batchSize: 150, refusedSize }, 0)).toEqual(fullPace);
  });

  it('the circuit breaker stays open as long as Salesforce requests', () => {
    const failed = afterFailure(fullPace);
    expect(pauseMs(failed, busy, 1)).toBe(90_000);
    expect(pauseMs(failed, reset, 1)).toBe(250);
  });
});

describe('failed calls with a single account', () => {
  it('a failed call with a single account counts as an attempt only if other calls succeeded since the previous one', () => {
    const detector = createPoisonRecordDetector();
    const timeout = new SalesforceError('no answer', 'TIMEOUT', 'transient');
    const fail = () => detector.judge({ ...waiting, tries: 5 }, timeout, context).tries;
    expect([fail(), fail()]).toEqual([5, 5]);
    detector.countSuccess();
    expect(fail()).toBe(6);
    expect(fail()).toBe(5);
  });

  it('a code that always fails alone becomes a dead letter with the message of the call', () => {
    const detector = createPoisonRecordDetector();
    const timeout = new SalesforceError('no answer', 'TIMEOUT', 'transient');
    const last = { ...waiting, tries: defaultRetryPolicy.maxTries - 1 };
    expect(detector.judge(last, timeout, context).state).toBe('pending');
    detector.countSuccess();
    expect(detector.judge(last, timeout, context)).toMatchObject({
      state: 'failed',
      error: { code: 'TIMEOUT' },
    });
  });
});

describe('the field of the codes', () => {
  const rules = codeRules({ field: 'SignUpCode__c' });
  const good = {
    name: 'SignUpCode__c',
    type: 'string',
    length: 32,
    unique: true,
    updateable: true,
    caseSensitive: true,
  };

  it.each([
    ['a good one', good, undefined],
    ['one that ignores case, as ten characters are enough', { ...good, caseSensitive: false }, undefined],
    ['none', undefined, 'field-missing'],
    ['a number', { ...good, type: 'double' }, 'field-type'],
    ['one that may not be edited', { ...good, updateable: false }, 'field-not-writable'],
    ['a short one', { ...good, length: 9 }, 'field-too-short'],
    ['one that is not unique', { ...good, unique: false }, 'field-not-unique'],
  ])('the code field is checked: %s', (_, field, code) => {
    expect(fieldProblem(rules, field)?.code).toBe(code);
  });

  it('a field that ignores case may leave too few bits', () => {
    const format = { alphabet: 'ABCDEFGHabcdefgh', length: 10, prefix: '' };
    const problem = fieldProblem(codeRules({ field: 'X__c', format }), { ...good, caseSensitive: false });
    expect(problem).toMatchObject({
      code: 'field-ignores-case',
      message: expect.stringContaining('30.0 of the required 40 bits'),
    });
  });
});
