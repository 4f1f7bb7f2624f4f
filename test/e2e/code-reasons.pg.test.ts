import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCodeFilter } from '../../src/codes/code-filter.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';
import { type ApiWriteBackHistory, writeBacksOf } from '../helpers/write-backs.ts';

const field = 'SignUpCode__c';

describe('reasons of accounts without a confirmed code', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeAll(async () => {
    mirror = await openMirror({
      tidemark: { collectMs: 20, codes: { filter: parseCodeFilter("Type != 'Partner'") } },
    });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  const reasonWhen = async (id: string, code: string): Promise<ApiWriteBackHistory> =>
    mirror.until(`the reason is ${code}`, async () => {
      const found = await writeBacks.of(id);
      return found.reason?.code === code && found;
    });

  it('an account that existed before names the first start, and one that does not match names the filter', async () => {
    const [existed = ''] = mirror.accountIds();
    expect(await writeBacks.of(existed)).toMatchObject({
      state: 'none',
      signupCode: null,
      reason: { code: 'existed-before', message: expect.stringContaining('SIGNUP_CODE_BACKFILL') },
    });
    const partner = await mirror.salesforce.create({ Name: 'Partner', Type: 'Partner' });
    await mirror.accountWhen(partner, 'it is mirrored', ({ name }) => name === 'Partner');
    expect((await writeBacks.of(partner)).reason).toMatchObject({
      code: 'not-selected',
      message: expect.stringContaining('SIGNUP_CODE_FILTER'),
    });
    await mirror.salesforce.update(partner, { Type: 'Customer' });
    await writeBacks.confirmed(partner);
    expect((await writeBacks.of(partner)).reason).toBeNull();
  });

  it("a refused code is shown as pending, with Salesforce's words, and is not served as signupCode", async () => {
    const refusal = mirror.simulator.faults.records.refused.on({
      errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      namePattern: '^Refused$',
      client: 'Tidemark',
    });
    const id = await mirror.salesforce.create({ Name: 'Refused' });
    const { error, reason, signupCode, pendingSignupCode } = await writeBacks.failed(id);
    expect(reason).toMatchObject({
      code: 'refused',
      message: expect.stringContaining(error?.message ?? 'no message'),
      refusalClass: 'permanent',
    });
    expect([signupCode, pendingSignupCode]).toEqual([null, expect.stringMatching(/^\w{10}$/)]);
    expect(await mirror.account(id)).toMatchObject({ signupCode: null, pendingSignupCode });
    refusal.off();
    await mirror.tidemark.request('POST', `/v1/write-backs/${id}/retry`);
    expect(await writeBacks.confirmed(id)).toMatchObject({
      signupCode: pendingSignupCode,
      pendingSignupCode: null,
    });
  });

  it('a code that the API budget delays names the budget, and that of an account deleted meanwhile the deletion', async () => {
    const { allowance } = mirror.simulator;
    allowance.set({ used: Math.ceil(allowance.max * 0.81) });
    const [kept, deleted] = [
      await mirror.salesforce.create({ Name: 'Waits for the budget' }),
      await mirror.salesforce.create({ Name: 'Deleted before the write' }),
    ];
    const { reason } = await reasonWhen(kept, 'api-budget');
    expect(reason?.message).toContain(`of ${allowance.max} are used`);
    await reasonWhen(deleted, 'api-budget');
    await mirror.salesforce.remove(deleted);
    await reasonWhen(deleted, 'deleted');
    // Each counted code is in a list.
    const { writeBack, counts } = (await writeBacks.status()) as Awaited<
      ReturnType<typeof writeBacks.status>
    > & { counts: { accounts: { byCodeState: Record<string, number> } } };
    const waiting = await mirror.get<Page<ApiAccount>>('/v1/write-backs?state=pending');
    expect(waiting.data).toMatchObject([{ accountId: kept }]);
    expect([writeBack.counts['pending'], counts.accounts.byCodeState['pending']]).toEqual([1, 1]);
    await mirror.salesforce.undelete(deleted);
    await mirror.until(
      'the restored account counts again',
      async () => (await writeBacks.status()).writeBack.counts['pending'] === 2,
    );
    await reasonWhen(deleted, 'api-budget');
    allowance.refill();
    for (const id of [kept, deleted]) await writeBacks.confirmed(id);
  });

  it('a code that waits for the field names what is wrong with it, and a cleared code that it was cleared', async () => {
    const change = (length: number) =>
      mirror.simulator.org.changeField(field, {
        type: 'string',
        length,
        externalId: true,
        unique: true,
      });
    await mirror.stop();
    change(5);
    await mirror.startAgain();
    const id = await mirror.salesforce.create({ Name: 'Waits for the field' });
    await mirror.accountWhen(id, 'it waits', ({ codeState }) => codeState === 'pending');
    expect((await reasonWhen(id, 'field-unusable')).reason?.message).toContain('holds 5 characters');
    change(32);
    await writeBacks.confirmed(id);
    await mirror.salesforce.update(id, { [field]: null });
    expect((await reasonWhen(id, 'cleared')).reason?.message).toContain('was cleared in Salesforce');
  });
});
