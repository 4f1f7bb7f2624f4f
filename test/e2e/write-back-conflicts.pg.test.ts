import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

const field = 'SignUpCode__c';

describe('conflicts about a code', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeAll(async () => {
    mirror = await openMirror({ tidemark: { collectMs: 20 } });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  const create = async (Name: string): Promise<{ id: string; code: string }> => {
    const id = await mirror.salesforce.create({ Name });
    const { signupCode } = await writeBacks.confirmed(id);
    return { id, code: signupCode ?? '' };
  };
  const state = async (id: string) => {
    const { signupCode, codeState, codeError } = await mirror.account(id);
    return [signupCode, codeState, codeError?.code];
  };
  /** As in an org whose field isn't unique; that is noticed only later. */
  const withoutUniqueness = <T>(work: () => T): T => {
    const change = (unique: boolean) =>
      mirror.simulator.org.changeField(field, { type: 'string', length: 32, externalId: true, unique });
    change(false);
    try {
      return work();
    } finally {
      change(true);
    }
  };
  const inOrg = (work: Parameters<LiveMirror['inOneTransaction']>[0]) => mirror.inOneTransaction(work);
  const requested = async (id: string, body?: object): Promise<{ status: number; code: string }> => {
    const answer = await mirror.tidemark.request('POST', `/v1/accounts/${id}/signup-code`, body);
    const { signupCode, pendingSignupCode } = (await answer.json()) as Partial<ApiAccount>;
    return { status: answer.status, code: signupCode ?? pendingSignupCode ?? '' };
  };

  it('a code that Salesforce has before ours arrives is adopted', async () => {
    const made = inOrg((tx) => tx.insert({ Name: 'Has one' })) as { id: string };
    mirror.changeSilently(made.id, { [field]: 'BY-HAND-1' });
    await writeBacks.confirmed(made.id);
    expect(await state(made.id)).toEqual(['BY-HAND-1', 'confirmed', undefined]);
    expect((await writeBacks.of(made.id)).history.map(({ outcome }) => outcome)).toEqual(['held']);
  });

  it('a code that a user changes is adopted', async () => {
    const { id } = await create('Changed');
    await mirror.salesforce.update(id, { [field]: 'BY-HAND-2' });
    await mirror.accountWhen(id, 'theirs is adopted', ({ signupCode }) => signupCode === 'BY-HAND-2');
    await mirror.worked();
    expect(mirror.simulator.org.record(id)?.values[field]).toBe('BY-HAND-2');
  });

  it('a code that a user clears stays cleared until one is requested', async () => {
    const { id, code } = await create('Cleared');
    await mirror.salesforce.update(id, { [field]: null });
    await mirror.accountWhen(id, 'it is known', ({ codeState }) => codeState === 'none');
    expect(await state(id)).toEqual([null, 'none', 'cleared']);
    await mirror.salesforce.update(id, { Phone: '1' });
    await mirror.accountWhen(id, 'it is followed', ({ fields }) => fields['Phone'] === '1');
    expect(await state(id)).toEqual([null, 'none', 'cleared']);
    const { status, code: fresh } = await requested(id);
    expect([status, fresh === code]).toEqual([202, false]);
    expect((await writeBacks.confirmed(id)).signupCode).toBe(fresh);
    expect(await requested(id)).toEqual({ status: 200, code: fresh });
  });

  it('the second of two accounts with the same code shows it and gets the code when the first gives it up', async () => {
    const [first, second] = [await create('First'), await create('Second')];
    withoutUniqueness(() => inOrg((tx) => tx.update(second.id, { [field]: first.code })));
    await writeBacks.failed(second.id);
    expect(await state(second.id)).toEqual([null, 'failed', 'duplicate']);
    expect((await requested(second.id)).status).toBe(409);
    expect((await mirror.tidemark.request('POST', `/v1/write-backs/${second.id}/retry`)).status).toBe(404);
    await mirror.salesforce.update(first.id, { [field]: 'BY-HAND-3' });
    expect((await writeBacks.confirmed(second.id)).signupCode).toBe(first.code);
    expect(await state(first.id)).toEqual(['BY-HAND-3', 'confirmed', undefined]);
  });

  it('a collision of two accounts also ends when the second gets or requests another code', async () => {
    const first = await create('First again');
    const [second, third] = [await create('Second again'), await create('Third')];
    withoutUniqueness(() => {
      inOrg((tx) => tx.update(second.id, { [field]: first.code }));
      inOrg((tx) => tx.update(third.id, { [field]: first.code }));
    });
    await writeBacks.failed(second.id);
    await writeBacks.failed(third.id);
    await mirror.salesforce.update(second.id, { [field]: 'BY-HAND-4' });
    await writeBacks.confirmed(second.id);
    const { code } = await requested(third.id, { regenerate: true });
    expect((await writeBacks.confirmed(third.id)).signupCode).toBe(code);
    expect(await state(first.id)).toEqual([first.code, 'confirmed', undefined]);
  });

  it('the winner of a merge that takes over the code has it', async () => {
    const [winner, loser] = [await create('Winner'), await create('Loser')];
    inOrg((tx) => {
      tx.merge(winner.id, [loser.id]);
      return tx.update(winner.id, { [field]: loser.code });
    });
    await mirror.accountWhen(winner.id, 'it has the code', ({ signupCode }) => signupCode === loser.code);
    expect(await state(winner.id)).toEqual([loser.code, 'confirmed', undefined]);
    expect(await state(loser.id)).toEqual([null, 'none', 'passed on']);
  });

  it('a code for an account deleted before it arrives waits and is written when the account is back', async () => {
    const made = inOrg((tx) => tx.insert({ Name: 'Gone' })) as { id: string };
    inOrg((tx) => tx.delete(made.id));
    await mirror.accountWhen(made.id, 'it is deleted', ({ deletedAt }) => deletedAt !== null);
    await mirror.settled();
    await mirror.worked();
    expect(mirror.simulator.audit.codes().has(made.id)).toBe(false);
    await mirror.salesforce.undelete(made.id);
    await writeBacks.confirmed(made.id);
  });

  it('a requested new code is written over the old one, which stays in the history', async () => {
    const { id, code: old } = await create('Replaced');
    const { status, code } = await requested(id, { regenerate: true });
    expect([status, code === old]).toEqual([202, false]);
    await mirror.accountWhen(
      id,
      'the new one is confirmed',
      ({ signupCode, codeState }) => signupCode === code && codeState === 'confirmed',
    );
    expect(mirror.simulator.org.record(id)?.values[field]).toBe(code);
    const { history } = await writeBacks.of(id);
    expect(history.map((entry) => [entry.code, entry.outcome])).toEqual([
      [code, 'written'],
      [old, 'replaced'],
      [old, 'written'],
    ]);
  });

  it('no second code was written unless it was requested', () => {
    const ours = mirror.simulator.audit
      .entries({ client: 'Tidemark' })
      .filter(({ codeBefore, code }) => codeBefore !== null && codeBefore !== code);
    const names = ours.map(({ recordId }) => mirror.simulator.org.record(recordId)?.values['Name']);
    expect(names).toEqual(['Third', 'Replaced']);
  });
});
