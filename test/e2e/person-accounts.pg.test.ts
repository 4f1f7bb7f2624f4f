import { RECORD_TYPE_IDS } from 'salesforce-simulator/org/person-accounts.ts';
import { convertToPerson } from 'salesforce-simulator/org/unusual-changes.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate, type StandingRule } from '../helpers/rest-gate.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';

describe('an org with person accounts', () => {
  let gate: RestGate;
  let mirror: LiveMirror;
  let members: StandingRule;
  beforeAll(async () => {
    gate = await openRestGate();
    const records = [{ EventChannel: 'ChangeEvents', SelectedEntity: 'AccountChangeEvent' }];
    members = gate.meet({
      path: /\/tooling\/query/,
      treatment: { kind: 'answer', status: 200, body: JSON.stringify({ records }) },
    });
    mirror = await openMirror({ gate, simulator: { personAccounts: true } });
    await mirror.codesConfirmed();
  });
  afterAll(async () => {
    await mirror[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  const current = (id: string, what: string, holds: (account: ApiAccount) => boolean) =>
    mirror.accountWhen(id, what, (account) => !account.stale && holds(account));
  const named = async (name: string) =>
    (await mirror.get<Page<ApiAccount>>(`/v1/accounts?name=${encodeURIComponent(name)}`)).data;

  it('a business account that becomes a person account by an event of its record type alone has the name of the person', async () => {
    const [id = ''] = mirror.takeAccountIds(1);
    const { name } = await mirror.account(id);
    convertToPerson(mirror.simulator.org, id, { FirstName: 'Ida', LastName: 'Meyer' });
    const { fields } = await current(id, 'the name is read', (account) => account.name === 'Ida Meyer');
    expect(fields['RecordTypeId']).toBe(RECORD_TYPE_IDS.person);
    expect(await named(name ?? '')).toEqual([]);
    await mirror.salesforce.update(id, { LastName: 'Kuhn' });
    await current(id, 'the new last name', (account) => account.name === 'Ida Kuhn');
  });

  it('a business account that becomes a person account by an event of a part of its name is read', async () => {
    const [id = ''] = mirror.takeAccountIds(1);
    mirror.silently((tx) => tx.update(id, { RecordTypeId: RECORD_TYPE_IDS.person }));
    mirror.silently((tx) => tx.update(id, { FirstName: 'Ada', LastName: 'King' }));
    await mirror.salesforce.update(id, { LastName: 'Lovelace' });
    await current(id, 'both parts are there', (account) => account.name === 'Ada Lovelace');
  });

  it('a change of the contact of a person account, whose event names only the modification date, is read', async () => {
    const id = await mirror.salesforce.create({ LastName: 'Quill', PersonEmail: 'old@simulator.example' });
    await mirror.codesConfirmed();
    mirror.changeSilently(id, { PersonEmail: 'new@simulator.example' });
    await mirror.salesforce.update(id, {});
    await current(id, 'the new address', ({ fields }) => fields['PersonEmail'] === 'new@simulator.example');
  });

  it('a channel for which Contact is not selected is a reason with the action to select it', async () => {
    const reasons = async () =>
      (await mirror.get<{ reasons: { code: string; action: string }[] }>('/v1/status')).reasons;
    const found = await mirror.until('the reason is there', async () =>
      (await reasons()).find(({ code }) => code === 'topic-without-contact'),
    );
    expect(found.action).toContain('Select Contact in addition to Account');
    members.release();
    await mirror.until('the reason is gone', async () => (await reasons()).length === 0);
  });
});
