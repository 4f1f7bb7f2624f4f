import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { defaultFormat } from '../../src/sync/code-format.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type SalesforceRest, salesforceRest } from '../helpers/salesforce-rest.ts';
import {
  type ApiAccount,
  type ApiEvent,
  type Page,
  startTidemark,
  type Tidemark,
} from '../helpers/tidemark.ts';

describe('the life of an account', () => {
  let database: TestDatabase;
  let sandbox: Sandbox;
  let salesforce: SalesforceRest;
  let tidemark: Tidemark;

  beforeAll(async () => {
    database = await createTestDatabase();
    sandbox = await startSandbox({ accounts: 25 });
    salesforce = salesforceRest(sandbox);
    tidemark = await startTidemark(database.url, sandbox);
  });

  afterAll(async () => {
    await tidemark.stop();
    await sandbox.close();
    await database.drop();
  });

  const account = (id: string) => tidemark.get<ApiAccount>(`/v1/accounts/${id}`);
  const accountWhen = (id: string, what: string, holds: (account: ApiAccount) => boolean) =>
    eventually(what, async () => {
      const now = await account(id);
      return holds(now) && now;
    });

  it('the initial load reads every account of Salesforce without generating codes', async () => {
    const { data } = await tidemark.get<Page<ApiAccount>>('/v1/accounts?limit=200');
    expect(data).toHaveLength(25);
    for (const loaded of data) {
      const held = sandbox.org.record(loaded.id)?.values;
      expect(loaded.name).toBe(held?.['Name']);
      expect(loaded.fields['Phone'] ?? null).toBe(held?.['Phone'] ?? null);
      expect(loaded).toMatchObject({ signupCode: null, codeState: 'none', stale: false });
    }
  });

  it('a new account gets a code, which is written to Salesforce exactly once', async () => {
    const id = await salesforce.create({ Name: 'Blue Harbour', Industry: 'Shipping', BillingCity: 'Lübeck' });
    const confirmed = await accountWhen(
      id,
      'the code is confirmed',
      ({ codeState }) => codeState === 'confirmed',
    );
    expect(confirmed.signupCode).toMatch(new RegExp(`^[${defaultFormat.alphabet}]{10}$`));
    expect(confirmed).toMatchObject({ name: 'Blue Harbour', deletedAt: null, stale: false, codeError: null });
    expect(confirmed.fields).toMatchObject({
      Industry: 'Shipping',
      BillingAddress: { City: 'Lübeck' },
      Phone: null,
    });
    expect(await salesforce.read(id)).toMatchObject({ SignUpCode__c: confirmed.signupCode });

    const { data } = await tidemark.get<Page<ApiEvent & { kind: string }>>(`/v1/accounts/${id}/events`);
    // The initial load may have read it too.
    const history = data.filter(({ kind }) => kind === 'event');
    expect(history.map(({ changeType }) => changeType)).toEqual(['UPDATE', 'CREATE']);
    expect(history[0]?.changedFields).toEqual(expect.arrayContaining(['SignUpCode__c', 'LastModifiedDate']));
  });

  it('updates, cleared fields and parts of an address are mirrored', async () => {
    const id = await salesforce.create({
      Name: 'Changing',
      Phone: '1',
      BillingCity: 'Kiel',
      BillingStreet: 'A 1',
    });
    await salesforce.update(id, { Phone: '2', BillingCity: 'Hamburg' });
    await accountWhen(id, 'the phone is updated', ({ fields }) => fields['Phone'] === '2');
    expect((await account(id)).fields['BillingAddress']).toMatchObject({ City: 'Hamburg', Street: 'A 1' });
    await salesforce.update(id, { Phone: null, BillingStreet: null });
    await accountWhen(id, 'the phone is cleared', ({ fields }) => fields['Phone'] === null);
    expect((await account(id)).fields['BillingAddress']).toEqual({ City: 'Hamburg' });
    await salesforce.update(id, { BillingCity: null });
    await accountWhen(id, 'the address is empty', ({ fields }) => fields['BillingAddress'] === null);
  });

  it('deletion and undeletion are mirrored and the code is kept', async () => {
    const id = await salesforce.create({ Name: 'Gone and back' });
    const { signupCode } = await accountWhen(
      id,
      'the code is confirmed',
      ({ codeState }) => codeState === 'confirmed',
    );
    await salesforce.remove(id);
    await accountWhen(id, 'the account is deleted', ({ deletedAt }) => deletedAt !== null);
    const { data: living } = await tidemark.get<Page<ApiAccount>>('/v1/accounts?name=Gone%20and%20back');
    expect(living).toEqual([]);
    await salesforce.undelete(id);
    const back = await accountWhen(id, 'the account is back', ({ deletedAt }) => deletedAt === null);
    expect(back).toMatchObject({ signupCode, codeState: 'confirmed', name: 'Gone and back' });
  });

  it('a code that a new account already has is adopted', async () => {
    const id = await salesforce.create({ Name: 'Brought its own', SignUpCode__c: 'OWNCODE-01' });
    const adopted = await accountWhen(
      id,
      'the code is adopted',
      ({ codeState }) => codeState === 'confirmed',
    );
    expect(adopted.signupCode).toBe('OWNCODE-01');
    expect(await salesforce.read(id)).toMatchObject({ SignUpCode__c: 'OWNCODE-01' });
  });

  it('a code changed by a person in Salesforce wins', async () => {
    const id = await salesforce.create({ Name: 'Changed by hand' });
    await accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    await salesforce.update(id, { SignUpCode__c: 'BYHAND-002' });
    const changed = await accountWhen(id, 'the other code', ({ signupCode }) => signupCode === 'BYHAND-002');
    expect(changed.codeState).toBe('confirmed');
  });

  it('one record is read again on request', async () => {
    const id = await salesforce.create({ Name: 'Read again', Industry: 'Energy' });
    await accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    // A change that no event tells of.
    sandbox.org.transaction(silentCaller, (tx) => tx.update(id, { Industry: 'Banking' }), 'nothing');
    const answer = await tidemark.request('POST', `/v1/accounts/${id}/resync`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toMatch(/^\/v1\/resyncs\//);
    await accountWhen(id, 'the silent change is found', ({ fields }) => fields['Industry'] === 'Banking');
    // The record is written before the resync is finished.
    const resync = await eventually('the resync is done', async () => {
      const now = await tidemark.get<{ state: string; updated: number }>(
        answer.headers.get('location') ?? '',
      );
      return now.state === 'done' && now;
    });
    expect(resync.updated).toBe(1);
  });

  const silentCaller = {
    userId: '005000000000000AAA',
    api: 'rest',
    apiVersion: '66.0',
    client: null,
  } as const;
});
