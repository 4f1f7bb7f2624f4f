import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { type ApiWriteBack, writeBacksOf } from '../helpers/write-backs.ts';

describe('answers of Salesforce to a code', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeAll(async () => {
    const retryPolicy = { maxTries: 3, firstPauseMs: 20, maxPauseMs: 50 };
    mirror = await openMirror({ tidemark: { collectMs: 20, retryPolicy } });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  /** Accounts of this name get this answer, a few times or always. */
  const refuse = (errorCode: string, Name: string, times?: number) =>
    mirror.simulator.faults.records.refused.on({
      errorCode,
      namePattern: `^${Name}$`,
      client: 'Tidemark',
      ...(times !== undefined && { times }),
    });

  it.each([
    'UNABLE_TO_LOCK_ROW',
    'SERVER_UNAVAILABLE',
    'QUERY_TIMEOUT',
    'UNKNOWN_EXCEPTION',
    'REQUEST_LIMIT_EXCEEDED',
    'STRING_TOO_LONG',
    'INVALID_FIELD_FOR_INSERT_UPDATE',
  ])('the same code is sent again after %s', async (errorCode) => {
    refuse(errorCode, errorCode, 1);
    const id = await mirror.salesforce.create({ Name: errorCode });
    const { signupCode } = await writeBacks.confirmed(id);
    const { history } = await writeBacks.of(id);
    expect(history.map(({ code, outcome }) => [code, outcome])).toEqual([
      [signupCode, 'written'],
      [signupCode, 'again'],
    ]);
    expect(history[1]?.error?.code).toBe(errorCode);
  });

  it.each([
    'FIELD_CUSTOM_VALIDATION_EXCEPTION',
    'INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY',
    'REQUIRED_FIELD_MISSING',
    'DUPLICATES_DETECTED',
    'ENTITY_IS_LOCKED',
  ])(
    'a code refused with %s is sent once, listed with the message, and sent when the cause is removed',
    async (errorCode) => {
      const rule = refuse(errorCode, errorCode);
      const ids = await mirror.salesforce.createMany([{ Name: errorCode }, { Name: errorCode }]);
      for (const id of ids) await writeBacks.failed(id);
      const listed = await mirror.get<{ data: ApiWriteBack[] }>(
        `/v1/write-backs?state=failed&errorCode=${errorCode}`,
      );
      expect(listed.data.map(({ accountId }) => accountId).sort()).toEqual([...ids].sort());
      for (const { error, attempts } of listed.data) {
        expect(error).toMatchObject({ code: errorCode, message: expect.stringMatching(/\w+/) });
        expect(attempts).toBe(1);
      }
      const codes = listed.data.map(({ pendingSignupCode }) => pendingSignupCode).sort();
      rule.off();
      const answer = await mirror.tidemark.request('POST', '/v1/write-backs/retry', { errorCode });
      expect([answer.status, await answer.json()]).toEqual([202, { retried: 2 }]);
      const confirmed = await Promise.all(ids.map((id) => writeBacks.confirmed(id)));
      expect(confirmed.map(({ signupCode }) => signupCode).sort()).toEqual(codes);
    },
  );

  it('a permanent lock makes a dead letter after the last attempt, which can be retried alone', async () => {
    const rule = refuse('UNABLE_TO_LOCK_ROW', 'Locked for long');
    const id = await mirror.salesforce.create({ Name: 'Locked for long' });
    const { attempts, error } = await writeBacks.failed(id);
    expect([attempts, error?.code]).toEqual([3, 'UNABLE_TO_LOCK_ROW']);
    rule.off();
    expect((await mirror.tidemark.request('POST', `/v1/write-backs/${id}/retry`)).status).toBe(202);
    await writeBacks.confirmed(id);
  });

  it('a code that another record has is generated again at most three times and all of them are recorded', async () => {
    refuse('DUPLICATE_VALUE', 'Taken twice', 2);
    const twice = await mirror.salesforce.create({ Name: 'Taken twice' });
    await writeBacks.confirmed(twice);
    expect((await writeBacks.of(twice)).history.map(({ outcome }) => outcome)).toEqual([
      'written',
      'taken',
      'taken',
    ]);
    refuse('DUPLICATE_VALUE', 'Taken always');
    const always = await mirror.salesforce.create({ Name: 'Taken always' });
    expect((await writeBacks.failed(always)).error?.code).toBe('DUPLICATE_VALUE');
    const { history } = await writeBacks.of(always);
    expect(new Set(history.map(({ code }) => code)).size).toBe(4);
  });

  it('one refused record of a batch does not delay the codes of the others', async () => {
    const rule = refuse('FIELD_CUSTOM_VALIDATION_EXCEPTION', 'Refused one');
    const ids = await mirror.salesforce.createMany(['one', 'Refused one', 'three'].map((Name) => ({ Name })));
    const [first = '', second = '', third = ''] = ids;
    await writeBacks.confirmed(first);
    await writeBacks.confirmed(third);
    await writeBacks.failed(second);
    rule.off();
  });

  it('the status counts the causes and shows the newest failures', async () => {
    refuse('ENTITY_IS_LOCKED', 'Shown');
    const id = await mirror.salesforce.create({ Name: 'Shown' });
    await writeBacks.failed(id);
    const { writeBack } = await writeBacks.status();
    expect(writeBack).toMatchObject({ state: 'running', reason: null, counts: { pending: 0 } });
    expect(writeBack.failures).toContainEqual({
      code: 'ENTITY_IS_LOCKED',
      count: 1,
      message: 'the entity is locked for editing',
    });
    expect(writeBack.lastErrors[0]).toMatchObject({ accountId: id, error: { code: 'ENTITY_IS_LOCKED' } });
    expect(writeBack.api.used).toBeGreaterThan(0);
    expect(writeBack.api).toMatchObject({ max: 100_000, reservePercent: 20 });
  });

  it('no account was ever written a second code', () => {
    expect([...mirror.simulator.audit.codes()].filter(([, codes]) => codes.length > 1)).toEqual([]);
  });
});
