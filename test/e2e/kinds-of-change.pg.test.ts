import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bits } from '../helpers/change-events.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount } from '../helpers/tidemark.ts';

describe('kinds of changes', () => {
  let mirror: LiveMirror;

  beforeAll(async () => {
    mirror = await openMirror();
  });

  afterAll(() => mirror[Symbol.asyncDispose]());

  /** An account in Salesforce that no event has reported. */
  const made = (values: Record<string, string>): string => {
    const result = mirror.silently((tx) => tx.insert({ Name: 'Not reported yet', ...values }));
    return result.success ? result.id : '';
  };

  it('an account changed three times in one transaction ends with the last change, in any order of arrival', async () => {
    const [id = ''] = mirror.accountIds();
    const transactionKey = randomUUID();
    const commitTimestamp = BigInt(Date.now());
    const commitNumber = commitTimestamp * 1_000_000n + 900_000n;
    const step = (sequenceNumber: number, fields: Record<string, string>) =>
      mirror.publish({
        header: {
          recordIds: [id],
          changedFields: bits(...Object.keys(fields)),
          transactionKey,
          commitTimestamp,
          commitNumber,
          sequenceNumber,
        },
        fields,
      });
    step(1, { Industry: 'first', Description: 'first' });
    step(3, { Industry: 'third' });
    step(2, { Industry: 'second', Description: 'second' });
    await mirror.settled();
    expect((await mirror.account(id)).fields).toMatchObject({ Industry: 'third', Description: 'second' });
    const own = await mirror.events(`transactionKey=${transactionKey}`);
    expect(own.map(({ state }) => state)).toEqual(['applied', 'applied', 'applied']);
  });

  it('a merge of accounts updates the winner and deletes the losers together', async () => {
    const [, winner = '', ...losers] = mirror.accountIds();
    mirror.inOneTransaction((tx) => {
      tx.update(winner, { Phone: 'of the loser' });
      for (const id of losers.slice(0, 2)) tx.delete(id);
    });
    const merged = await mirror.accountWhen(
      winner,
      'the winner is updated',
      ({ fields }) => fields['Phone'] === 'of the loser',
    );
    expect(merged.deletedAt).toBeNull();
    for (const id of losers.slice(0, 2)) expect((await mirror.account(id)).deletedAt).not.toBeNull();
    const [update] = await mirror.events(`recordId=${winner}&changeType=UPDATE`);
    const deletions = await mirror.events(`changeType=DELETE&transactionKey=${update?.transactionKey}`);
    expect(deletions.flatMap(({ recordIds }) => recordIds).sort()).toEqual(losers.slice(0, 2).sort());
  });

  it('an undeleted account has what was changed while it was deleted', async () => {
    const id = await mirror.salesforce.create({ Name: 'Away for a while', Phone: '1', Fax: '2' });
    await mirror.salesforce.remove(id);
    await mirror.accountWhen(id, 'it is deleted', ({ deletedAt }) => deletedAt !== null);
    mirror.silently((tx) => {
      tx.undelete(id);
      tx.update(id, { Phone: null, Site: 'elsewhere' });
      tx.delete(id);
    });
    await mirror.salesforce.undelete(id);
    const back = await mirror.accountWhen(id, 'it is back', ({ deletedAt }) => deletedAt === null);
    expect(back.fields).toMatchObject({ Fax: '2', Site: 'elsewhere' });
    // Without a value, only fields of the newest schema are listed.
    expect(back.fields['Phone'] ?? null).toBeNull();
  });

  it('an account deleted, undeleted and deleted again in quick succession ends as deleted', async () => {
    const id = await mirror.salesforce.create({ Name: 'To and fro' });
    await mirror.salesforce.remove(id);
    await mirror.salesforce.undelete(id);
    await mirror.salesforce.remove(id);
    await mirror.settled();
    expect((await mirror.account(id)).deletedAt).not.toBeNull();
    expect((await mirror.events(`recordId=${id}`)).map(({ changeType }) => changeType)).toEqual([
      'DELETE',
      'UNDELETE',
      'DELETE',
      'CREATE',
    ]);
  });

  it('a cleared address, or a cleared part of it, clears exactly that', async () => {
    const id = made({ SignUpCode__c: 'ADDRESS-01' });
    const empty = (...paths: string[]) =>
      mirror.publish({
        header: { recordIds: [id], changedFields: bits(...paths), nulledFields: bits(...paths) },
        fields: paths[0] === 'BillingAddress' ? {} : { ShippingAddress: {} },
      });
    mirror.publish({
      header: { recordIds: [id], changeType: 'CREATE' },
      fields: {
        Name: 'With addresses',
        SignUpCode__c: 'ADDRESS-01',
        BillingAddress: { City: 'Kiel', Street: 'A 1' },
        ShippingAddress: { City: 'Jena', Street: 'B 2' },
      },
    });
    empty('BillingAddress');
    empty('ShippingAddress.Street');
    await mirror.settled();
    const { BillingAddress, ShippingAddress } = (await mirror.account(id)).fields;
    expect({ BillingAddress, ShippingAddress }).toEqual({
      BillingAddress: null,
      ShippingAddress: { City: 'Jena' },
    });
  });

  it('a field that is named as changed without a value, and not as nulled, is kept until it is read', async () => {
    const id = await mirror.salesforce.create({ Name: 'Withheld', Industry: 'Energy', Rating: 'Hot' });
    await mirror.codesConfirmed();
    const withhold = () =>
      mirror.publish({ header: { recordIds: [id], changedFields: bits('Industry', 'Description') } });
    const read = (what: string, holds: (fields: ApiAccount['fields']) => boolean) =>
      mirror.accountWhen(id, what, ({ fields, stale }) => !stale && holds(fields));
    mirror.changeSilently(id, { Rating: 'Warm' });
    withhold();
    await read('the account is read', (fields) => fields['Rating'] === 'Warm');
    expect((await mirror.account(id)).fields['Industry']).toBe('Energy');
    const { data } = await mirror.get<{ data: unknown[] }>(`/v1/accounts/${id}/fields/Industry/history`);
    expect(data).toHaveLength(1);
    mirror.changeSilently(id, { Industry: null });
    withhold();
    await read('it is cleared, as in Salesforce', (fields) => (fields['Industry'] ?? null) === null);
  });

  it('the name of a person has parts, and a change of one part keeps the others', async () => {
    const id = made({ SignUpCode__c: 'PERSON-001' });
    mirror.publish({
      header: { recordIds: [id], changeType: 'CREATE' },
      fields: { Name: { Salutation: 'Ms', FirstName: 'Ada', LastName: 'King' }, SignUpCode__c: 'PERSON-001' },
    });
    expect((await mirror.accountWhen(id, 'she is there', () => true)).name).toBe('Ms Ada King');
    mirror.publish({
      header: { recordIds: [id], changedFields: bits('Name.LastName') },
      fields: { Name: { LastName: 'Lovelace' } },
    });
    await mirror.accountWhen(
      id,
      'she has another name, and no other part of it is lost',
      (account) => account.name === 'Ms Ada Lovelace',
    );
  });

  it('a commit number is exact to the last digit, and so are values beyond 2^53', async () => {
    const [id = ''] = mirror.accountIds();
    const commitNumber = BigInt(Date.now()) * 1_000_000n + 900_001n;
    const eventId = mirror.publish({
      header: { recordIds: [id], changedFields: bits('Counter__c'), commitNumber },
      fields: { Counter__c: 9_007_199_254_740_993n },
    });
    await mirror.settled();
    const event = await mirror.get<{ commitNumber: string; decoded: { header: { commitNumber: string } } }>(
      `/v1/events/${eventId}`,
    );
    expect(event.commitNumber).toBe(String(commitNumber));
    expect(event.decoded.header.commitNumber).toBe(String(commitNumber));
    expect((await mirror.account(id)).fields['Counter__c']).toBe('9007199254740993');
  });
});
