import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultFormat } from '../../src/codes/code-format.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount, ApiEvent, Page } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

describe('the life of an account', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;
  let initialIds: readonly string[];

  beforeAll(async () => {
    mirror = await openMirror({ simulator: { accounts: 25 } });
    writeBacks = writeBacksOf(mirror);
    initialIds = mirror.accountIds();
  });

  afterAll(() => mirror[Symbol.asyncDispose]());

  it('the initial load reads every account of Salesforce without generating codes', async () => {
    const { data } = await mirror.get<Page<ApiAccount>>('/v1/accounts?limit=200');
    const initial = data.filter(({ id }) => initialIds.includes(id));
    expect(initial).toHaveLength(25);
    for (const loaded of initial) {
      const held = mirror.simulator.org.record(loaded.id)?.values;
      expect(loaded.name).toBe(held?.['Name']);
      expect(loaded.fields['Phone'] ?? null).toBe(held?.['Phone'] ?? null);
      expect(loaded).toMatchObject({ signupCode: null, codeState: 'none', stale: false });
    }
  });

  it('a new account gets a code, which is written to Salesforce exactly once', async () => {
    const id = await mirror.salesforce.create({
      Name: 'Blue Harbour',
      Industry: 'Shipping',
      BillingCity: 'Lübeck',
    });
    const confirmed = await writeBacks.confirmed(id);
    expect(confirmed.signupCode).toMatch(new RegExp(`^[${defaultFormat.alphabet}]{10}$`));
    expect(confirmed).toMatchObject({ name: 'Blue Harbour', deletedAt: null, stale: false, codeError: null });
    expect(confirmed.fields).toMatchObject({
      Industry: 'Shipping',
      BillingAddress: { City: 'Lübeck' },
      Phone: null,
    });
    expect(await mirror.salesforce.read(id)).toMatchObject({ SignUpCode__c: confirmed.signupCode });

    const { data } = await mirror.get<Page<ApiEvent & { kind: string }>>(`/v1/accounts/${id}/events`);
    // The initial load may have read it too.
    const history = data.filter(({ kind }) => kind === 'event');
    expect(history.map(({ changeType }) => changeType)).toEqual(['UPDATE', 'CREATE']);
    expect(history[0]?.changedFields).toEqual(expect.arrayContaining(['SignUpCode__c', 'LastModifiedDate']));
  });

  it('updates, cleared fields and parts of an address are mirrored', async () => {
    const id = await mirror.salesforce.create({
      Name: 'Changing',
      Phone: '1',
      BillingCity: 'Kiel',
      BillingStreet: 'A 1',
    });
    await mirror.salesforce.update(id, { Phone: '2', BillingCity: 'Hamburg' });
    await mirror.accountWhen(id, 'the phone is updated', ({ fields }) => fields['Phone'] === '2');
    expect((await mirror.account(id)).fields['BillingAddress']).toMatchObject({
      City: 'Hamburg',
      Street: 'A 1',
    });
    await mirror.salesforce.update(id, { Phone: null, BillingStreet: null });
    await mirror.accountWhen(id, 'the phone is cleared', ({ fields }) => fields['Phone'] === null);
    expect((await mirror.account(id)).fields['BillingAddress']).toEqual({ City: 'Hamburg' });
    await mirror.salesforce.update(id, { BillingCity: null });
    await mirror.accountWhen(id, 'the address is empty', ({ fields }) => fields['BillingAddress'] === null);
  });

  it('deletion and undeletion are mirrored and the code is kept', async () => {
    const id = await mirror.salesforce.create({ Name: 'Gone and back' });
    const { signupCode } = await writeBacks.confirmed(id);
    await mirror.salesforce.remove(id);
    await mirror.accountWhen(id, 'the account is deleted', ({ deletedAt }) => deletedAt !== null);
    const { data: living } = await mirror.get<Page<ApiAccount>>('/v1/accounts?name=Gone%20and%20back');
    expect(living).toEqual([]);
    await mirror.salesforce.undelete(id);
    const back = await mirror.accountWhen(id, 'the account is back', ({ deletedAt }) => deletedAt === null);
    expect(back).toMatchObject({ signupCode, codeState: 'confirmed', name: 'Gone and back' });
  });

  it('a code that a new account already has is adopted', async () => {
    const id = await mirror.salesforce.create({ Name: 'Brought its own', SignUpCode__c: 'OWNCODE-01' });
    const adopted = await writeBacks.confirmed(id);
    expect(adopted.signupCode).toBe('OWNCODE-01');
    expect(await mirror.salesforce.read(id)).toMatchObject({ SignUpCode__c: 'OWNCODE-01' });
  });

  it('a code changed by a person in Salesforce wins', async () => {
    const id = await mirror.salesforce.create({ Name: 'Changed by hand' });
    await writeBacks.confirmed(id);
    await mirror.salesforce.update(id, { SignUpCode__c: 'BYHAND-002' });
    const changed = await mirror.accountWhen(
      id,
      'the other code',
      ({ signupCode }) => signupCode === 'BYHAND-002',
    );
    expect(changed.codeState).toBe('confirmed');
  });

  it('one record is read again on request', async () => {
    const id = await mirror.salesforce.create({ Name: 'Read again', Industry: 'Energy' });
    await writeBacks.confirmed(id);
    mirror.changeSilently(id, { Industry: 'Banking' });
    const answer = await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    expect(answer.status).toBe(202);
    const resyncPath = new URL(answer.headers.get('location') ?? '', answer.url).pathname;
    expect(resyncPath).toMatch(/^\/v1\/resyncs\//);
    await mirror.accountWhen(
      id,
      'the silent change is found',
      ({ fields }) => fields['Industry'] === 'Banking',
    );
    // The record is written before the resync is finished.
    const resync = await mirror.until('the resync is done', async () => {
      const now = await mirror.get<{ state: string; updated: number }>(resyncPath);
      return now.state === 'done' && now;
    });
    expect(resync.updated).toBe(1);
  });
});
