import { describe, expect, it } from 'vitest';
import type { CodeWriteResult } from '../../src/salesforce/signup-codes.ts';
import { type Evidence, judgeCall, noAccessRefusals } from '../../src/write-back/judge-call.ts';
import { defaultRetryPolicy } from '../../src/write-back/judge-result.ts';
import { afterSuccess, fullPace, type Pace, refusalPauseMs } from '../../src/write-back/pace.ts';
import { causesOf } from '../../src/write-back/report-batch.ts';
import { addWork, emptyWorklist, takeNext } from '../../src/write-back/worklist.ts';
import { paceAfter, refusalReason } from '../../src/write-back/write-next-batch.ts';

const at = '2026-11-23T08:00:00.000Z';
const context = {
  random: 1,
  generate: () => 'NEW',
  at,
  retryPolicy: defaultRetryPolicy,
  field: 'SignUpCode__c',
};
const noEvidence: Evidence = { accessRefusals: noAccessRefusals, othersSucceededSince: () => false };
const accepted: CodeWriteResult = { success: true };
const refused = (code: string, message = 'No.'): CodeWriteResult => ({
  success: false,
  code,
  message,
  fields: [],
});
const limit = refused(
  'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
  'System.LimitException: Apex CPU time limit exceeded',
);
const readOnly = refused('INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE');
const access = refused('INSUFFICIENT_ACCESS_OR_READONLY');
const rule = refused('FIELD_CUSTOM_VALIDATION_EXCEPTION');
const field = refused('INVALID_FIELD_FOR_INSERT_UPDATE');
const lock = refused('UNABLE_TO_LOCK_ROW');

/** @param tries of every record */
const judge = (results: readonly CodeWriteResult[], evidence: Partial<Evidence> = {}, tries = 0) =>
  judgeCall(
    results.map((result, index) => ({
      waiting: { id: `A${index}`, code: `C${index}`, tries, refusals: 0 },
      result,
    })),
    context,
    { ...noEvidence, ...evidence },
  );
const states = (results: readonly CodeWriteResult[], evidence: Partial<Evidence> = {}, tries = 0) =>
  judge(results, evidence, tries).outcomes.map(({ state, alone }) =>
    alone ? `${state}, alone next` : state,
  );

describe('the results of one call', () => {
  it.each<[string, CodeWriteResult[], ReturnType<typeof judge>['refusedBy'], string[]]>([
    ['all accepted', [accepted, accepted], null, ['written', 'written']],
    ['a limit for every record', [limit, limit], 'batch', ['pending', 'pending']],
    ['a limit for every record but one that a rule refuses', [limit, rule], 'batch', ['pending', 'failed']],
    ['a trigger for one of several', [accepted, limit], null, ['written', 'pending, alone next']],
    ['a trigger for a record alone', [limit], null, ['failed']],
    [
      'an unknown code for every record',
      [refused('NEW_CODE'), refused('NEW_CODE')],
      'batch',
      ['pending', 'pending'],
    ],
    ['a rule for every record', [rule, rule], null, ['failed', 'failed']],
    ['locks on every record', [lock, lock], 'busy', ['pending', 'pending']],
    ['a lock on one of several', [accepted, lock], null, ['written', 'pending']],
    ['a read-only org', [readOnly, readOnly], 'org', ['pending', 'pending']],
    ['a read-only org for one record', [readOnly], 'org', ['pending']],
    ['a read-only window that ends within the call', [readOnly, accepted], null, ['pending', 'written']],
    ['a missing right for one of several', [access, accepted], null, ['failed', 'written']],
    ['a missing right for all of the first call', [access, access], null, ['pending', 'pending']],
    ['a missing right for a record alone', [access], null, ['pending']],
    ['a field that no record may write', [field, field], null, ['pending', 'pending']],
    ['a field that one of several may not write', [field, accepted], null, ['failed', 'written']],
  ])('%s: the call is judged as a whole before its records are', (_, results, refusedBy, expected) => {
    expect([judge(results).refusedBy, states(results)]).toEqual([refusedBy, expected]);
  });

  it('several calls that were refused because of a missing permission, with several records, concern the org', () => {
    const first = judge([access]);
    const again = judge([access], first);
    expect([judge([access], again).refusedBy, judge([access, access], again).refusedBy]).toEqual([
      null,
      'access',
    ]);
    expect(judge([access, access], again).outcomes.map(({ tries }) => tries)).toEqual([0, 0]);
    expect(judge([accepted], again).accessRefusals).toEqual(noAccessRefusals);
  });

  it.each([
    ['a missing right', access],
    ['a field that may not be written', field],
  ])('%s is the record’s own when another was accepted since it was first refused', (_, result) => {
    expect(states([result, result], { othersSucceededSince: (id) => id === 'A0' })).toEqual([
      'failed',
      'pending',
    ]);
  });

  it('a field that is refused to every record for longer than all tries fails the code', () => {
    expect(states([field], {}, defaultRetryPolicy.maxTries - 1)).toEqual(['failed']);
  });

  it('the last attempt of a locked record is in a call of its own', () => {
    const last = defaultRetryPolicy.maxTries - 1;
    expect(states([lock, accepted], {}, last)).toEqual(['pending, alone next', 'written']);
    expect(states([lock], {}, last)).toEqual(['failed']);
  });

  it('a read-only org takes none of the tries of a record, however long it lasts', () => {
    const [outcome] = judge([readOnly], {}, defaultRetryPolicy.maxTries - 1).outcomes;
    expect(outcome).toMatchObject({ state: 'pending', tries: defaultRetryPolicy.maxTries - 1 });
  });

  it('the causes of refusals are counted, the most frequent first, with the words of one', () => {
    const errors = judge([rule, limit, rule]).outcomes.flatMap(({ error }) => error ?? []);
    expect(causesOf(errors)).toEqual([
      { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', count: 2, message: 'No.' },
      {
        code: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
        count: 1,
        message: expect.stringContaining('CPU time'),
      },
    ]);
  });
});

describe('the pace of calls', () => {
  const paceOf = (pace: Pace, results: readonly CodeWriteResult[], now = 0) =>
    paceAfter(pace, judge(results), now);
  const many = (result: CodeWriteResult, size: number) => Array.from({ length: size }, () => result);

  it('a batch that is too much is halved down to one, and the size that was too much is remembered for a while', () => {
    const sizes: number[] = [];
    let pace = fullPace;
    while (pace.batchSize > 20) {
      pace = paceOf(pace, many(limit, pace.batchSize));
      sizes.push(pace.batchSize);
    }
    expect(sizes).toEqual([100, 50, 25, 12]);
    for (let call = 0; call < 10; call++) pace = paceOf(pace, many(accepted, pace.batchSize));
    expect(pace.batchSize).toBeLessThan(25);
    pace = paceOf(pace, many(accepted, pace.batchSize), 16 * 60_000);
    expect(pace.batchSize).toBeGreaterThan(25);
  });

  it('a record that fails alone was the cause of its earlier calls, so the batch size grows again with each success', () => {
    let pace = paceOf(fullPace, many(limit, 2));
    expect(pace.batchSize).toBe(1);
    pace = paceOf(pace, [limit]);
    const sizes = [1, 2, 3, 4].map(() => {
      pace = paceOf(pace, [accepted]);
      return pace.batchSize;
    });
    expect(sizes).toEqual([4, 16, 64, 200]);
  });

  it('records that were busy make the next call smaller, and are not remembered', () => {
    const pace = paceOf(fullPace, many(lock, 200));
    expect([pace.batchSize, pace.refusedSize]).toEqual([100, null]);
  });

  it('an org that takes no writes is probed with one record after pauses that grow to five minutes', () => {
    let pace = fullPace;
    const pauses: number[] = [];
    for (let probe = 0; probe < 12; probe++) {
      pace = paceOf(pace, [readOnly]);
      pauses.push(refusalPauseMs(pace, defaultRetryPolicy, 1));
    }
    expect(pace.batchSize).toBe(1);
    expect(pauses.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(pauses.at(-1)).toBe(5 * 60_000);
    expect(afterSuccess(pace, 0)).toMatchObject({ failures: 0, batchSize: 4 });
  });
});

describe('the reason of a pause', () => {
  it('the reason of a pause has the words of Salesforce in one line and says that no code has failed', () => {
    const error = { code: 'ORG_LOCKED', message: 'The org is locked.\n\nTry later. ', at };
    const { code, message } = refusalReason('org', error);
    expect(code).toBe('ORG_LOCKED');
    expect(message).toMatch(/\(ORG_LOCKED\): The org is locked\. Try later\. No code has failed/);
  });
});

describe('the worklist', () => {
  it('what refused calls leave over goes before everything else, in calls of the size that is left, and last one by one', () => {
    let list = addWork(emptyWorklist, { retry: ['A', 'B', 'C'], alone: ['D'] });
    const calls: (readonly string[])[] = [];
    for (;;) {
      const { ids, rest } = takeNext(list, 2);
      if (ids.length === 0) break;
      calls.push(ids);
      list = rest;
    }
    expect(calls).toEqual([['A', 'B'], ['C'], ['D']]);
  });

  it('the list of what refused calls leave over names no account twice', () => {
    const list = addWork({ retry: ['A', 'B'], alone: ['C'] }, { retry: ['C'], alone: ['A'] });
    expect(list).toEqual({ retry: ['C', 'B'], alone: ['A'] });
  });
});
