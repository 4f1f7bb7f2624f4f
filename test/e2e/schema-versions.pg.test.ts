import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeEvent, testSchemaId } from '../helpers/change-events.ts';
import { accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

describe('the schema of events', () => {
  let mirror: LiveMirror;
  beforeAll(async () => {
    mirror = await openMirror({ simulator: { accounts: 10 } });
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  it('a backlog of events with the old and the new schema is read and has the new field', async () => {
    const [first = '', second = ''] = mirror.takeAccountIds(2);
    await mirror.stop();
    await mirror.salesforce.update(first, { Phone: 'by the old schema' });
    mirror.simulator.org.addField({ name: 'Tier__c', type: 'string', length: 20 });
    await mirror.salesforce.update(second, { Tier__c: 'gold' });
    await mirror.salesforce.update(first, { Tier__c: 'silver' });
    await mirror.startAgain();
    await mirror.settled();
    expect((await mirror.account(first)).fields).toMatchObject({
      Phone: 'by the old schema',
      Tier__c: 'silver',
    });
    expect((await mirror.account(second)).fields['Tier__c']).toBe('gold');
    expect(await mirror.failedEvents()).toEqual([]);
    const schemas = new Set(
      (await Promise.all([first, second].map((id) => mirror.events(`changeType=UPDATE&recordId=${id}`))))
        .flat()
        .map(({ schemaId }) => schemaId),
    );
    expect(schemas.size).toBe(2);
  });

  it('accounts read after a field was added have that field', async () => {
    const [id = ''] = mirror.takeAccountIds(1);
    mirror.simulator.org.addField({ name: 'Rank__c', type: 'string', length: 20 });
    mirror.changeSilently(id, { Rank__c: 'platinum' });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.healed();
    expect((await mirror.account(id)).fields['Rank__c']).toBe('platinum');
  });

  it('a removed field is still read from older events and keeps its last value, also when the account is read', async () => {
    const [id = ''] = mirror.takeAccountIds(1);
    mirror.simulator.org.addField({ name: 'Grade__c', type: 'string', length: 20 });
    await mirror.stop();
    await mirror.salesforce.update(id, { Grade__c: 'gold' });
    mirror.simulator.org.removeField('Grade__c');
    await mirror.salesforce.update(id, { Phone: 'by the schema without it' });
    await mirror.startAgain();
    await mirror.settled();
    const { fields } = await mirror.account(id);
    expect(fields).toMatchObject({ Grade__c: 'gold', Phone: 'by the schema without it' });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.healed();
    expect((await mirror.account(id)).fields['Grade__c']).toBe('gold');
    const history = await mirror.get<{ data: unknown[] }>(`/v1/accounts/${id}/fields/Grade__c/history`);
    expect(history.data[0]).toMatchObject({ after: 'gold' });
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a field with a changed type is read again after it was cleared everywhere, and both types are shown', async () => {
    const [id = '', other = ''] = mirror.takeAccountIds(2);
    const { org } = mirror.simulator;
    org.addField({ name: 'Level__c', type: 'string', length: 20 });
    await mirror.salesforce.update(id, { Level__c: 'seven' });
    await mirror.salesforce.update(other, { Level__c: 'eight' });
    await mirror.settled();
    org.changeField('Level__c', { type: 'double' });
    await mirror.salesforce.update(id, { Level__c: 7.5 });
    await mirror.settled();
    // The new type orders a read of the field, a moment after the change is applied.
    await mirror.accountWhen(other, 'the field is read again', ({ fields }) => fields['Level__c'] === null);
    await mirror.healed();
    expect((await mirror.account(id)).fields['Level__c']).toBe(7.5);
    expect((await mirror.account(other)).fields['Level__c']).toBeNull();
    const others = (await mirror.incidents()).filter(({ cause }) => cause !== 'schema changed');
    expect(others).toMatchObject([{ cause: 'object changed', extent: 'all', state: 'closed' }]);
    const { data } = await mirror.get<{ data: { kind: string; after: unknown }[] }>(
      `/v1/accounts/${id}/fields/Level__c/history`,
    );
    const levels = data.flatMap(({ kind, after }) => (kind === 'event' ? [after] : []));
    expect(levels).toEqual([7.5, 'seven']);
  });

  it('a schema that Salesforce gives only after a restart loses no event', async () => {
    const [id = ''] = mirror.takeAccountIds(1);
    const { refuse } = mirror.simulator.faults.stream;
    refuse.on({ calls: ['GetSchema'], errorCode: 'schema.api.unavailable' });
    const eventId = randomUUID();
    mirror.simulator.bus.publishRaw(accountTopic, {
      id: eventId,
      schemaId: testSchemaId,
      payload: encodeEvent({ header: { recordIds: [id] } }),
    });
    await mirror.until('its schema is refused', async () => (refuse.active()[0]?.struck ?? 0) > 0);
    const waiting = await mirror.get<{ state: string }>(`/v1/events/${eventId}`);
    expect(waiting.state).toBe('stored');
    await mirror.stop();
    refuse.off();
    await mirror.startAgain();
    await mirror.settled();
    expect(await mirror.get(`/v1/events/${eventId}`)).toMatchObject({ state: 'applied' });
  });
});
