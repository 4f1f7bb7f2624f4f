import { beforeEach, describe, expect, it } from 'vitest';
import type { RecordValues } from '../../src/org/model.ts';
import { createOrg, type SimulatorOrg } from '../../src/org/org.ts';
import { admin, integration } from '../org/callers.ts';
import { decodeEvents } from './decode-events.ts';

describe('the change events of a transaction', () => {
  let time = 0;
  let org: SimulatorOrg;
  beforeEach(() => {
    time = Date.UTC(2026, 10, 23, 8, 0, 0, 750);
    org = createOrg({ now: () => time, channels: ['/data/Example__chn'] });
  });

  const second = BigInt(Date.UTC(2026, 10, 23, 8, 0, 0));

  function create(values: RecordValues): string {
    const result = org.transaction(admin, (tx) => tx.insert(values));
    return result.id ?? '';
  }

  /** What is on the bus since `position`. */
  function since(position: number) {
    const before = position - org.bus.earliest();
    return decodeEvents(org.bus).slice(before);
  }

  /** The events of one update, made a minute later by the same user. */
  function eventsOfUpdate(id: string, values: RecordValues) {
    time += 60_000;
    const position = org.bus.latest();
    org.transaction(admin, (tx) => tx.update(id, values));
    return since(position);
  }

  it('a creation event carries the whole record', () => {
    const id = create({
      Name: 'Ada',
      BillingCity: 'London',
      BillingLatitude: 51.5,
      NumberOfEmployees: 3,
      AnnualRevenue: 1.5,
      SLAExpirationDate__c: 86_400_000,
    });
    const [event] = decodeEvents(org.bus);
    expect(event?.header).toMatchObject({
      entityName: 'Account',
      recordIds: [id],
      changeType: 'CREATE',
      changeOrigin: 'com/salesforce/api/rest/66.0',
      sequenceNumber: 1,
      commitTimestamp: second,
      commitUser: admin.userId,
      changedFields: [],
      nulledFields: [],
      diffFields: [],
    });
    expect(event?.header.transactionKey).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(event?.fields).toMatchObject({
      Name: 'Ada',
      BillingAddress: { City: 'London', Latitude: 51.5, Street: null },
      NumberOfEmployees: 3,
      AnnualRevenue: 1.5,
      SLAExpirationDate__c: 86_400_000n,
      OwnerId: admin.userId,
      CreatedDate: second,
      CreatedById: admin.userId,
      LastModifiedDate: second,
      LastModifiedById: admin.userId,
    });
    expect(event?.fields).not.toHaveProperty('ShippingAddress');
  });

  it('an event names the client that made the change', () => {
    org.transaction(integration, (tx) => tx.insert({ Name: 'Ada' }));
    const [event] = decodeEvents(org.bus);
    expect(event?.header.changeOrigin).toBe('com/salesforce/api/rest/66.0;client=ExampleClient');
  });

  it('an event lists a changed field together with LastModifiedDate', () => {
    const id = create({ Name: 'Ada' });
    const [event] = eventsOfUpdate(id, { SignUpCode__c: 'TEST123' });
    expect(event?.header).toMatchObject({ changeType: 'UPDATE', changedFields: ['0x080000400000'] });
    expect(event?.fields).toEqual({ SignUpCode__c: 'TEST123', LastModifiedDate: second + 60_000n });
  });

  it('an event lists LastModifiedById only if the user differs from the previous one', () => {
    const id = create({ Name: 'Ada' });
    const position = org.bus.latest();
    org.transaction(integration, (tx) => tx.update(id, { Industry: 'Energy' }));
    const [event] = since(position);
    expect(event?.header.changedFields).toEqual(['0xC00800']);
    expect(event?.fields['LastModifiedById']).toBe(integration.userId);
  });

  it('an event lists LastModifiedDate alone if the same values are written again', () => {
    const id = create({ Name: 'Ada', Phone: '1' });
    const [event] = eventsOfUpdate(id, { Phone: '1' });
    expect(event?.header.changedFields).toEqual(['0x400000']);
    expect(event?.fields).toEqual({ LastModifiedDate: second + 60_000n });
  });

  it('an event lists a cleared field among the nulled fields too', () => {
    const id = create({ Name: 'Ada', Industry: 'Energy', Phone: '1' });
    const [event] = eventsOfUpdate(id, { Industry: null, Phone: '2' });
    expect(event?.header).toMatchObject({ changedFields: ['0x400840'], nulledFields: ['0x0800'] });
    expect(event?.fields).toEqual({ Phone: '2', LastModifiedDate: second + 60_000n });
  });

  it('an event lists the changed parts of an address without the address', () => {
    const id = create({ Name: 'Ada', BillingStreet: '1 Main St', BillingCity: 'Here' });
    const [event] = eventsOfUpdate(id, { BillingStreet: '2 Main St' });
    expect(event?.header).toMatchObject({ changedFields: ['0x400000', '4-0x01'], nulledFields: [] });
    expect(event?.fields['BillingAddress']).toMatchObject({ Street: '2 Main St', City: null });
  });

  it('an event lists a cleared part of an address', () => {
    const id = create({ Name: 'Ada', BillingStreet: '1 Main St', BillingCity: 'Here' });
    const [event] = eventsOfUpdate(id, { BillingCity: null });
    expect(event?.header).toMatchObject({ changedFields: ['0x400000', '4-0x02'], nulledFields: ['4-0x02'] });
  });

  it('an event lists the whole address if all its parts are cleared', () => {
    const id = create({ Name: 'Ada', BillingStreet: '1 Main St', BillingCity: 'Here' });
    const [event] = eventsOfUpdate(id, { BillingStreet: null, BillingCity: null });
    expect(event?.header).toMatchObject({ changedFields: ['0x400010'], nulledFields: ['0x10'] });
    expect(event?.fields).not.toHaveProperty('BillingAddress');
  });

  it('a deletion event has only a header and an undeletion event has all values', () => {
    const id = create({ Name: 'Ada', Phone: '1' });
    const position = org.bus.latest();
    org.transaction(admin, (tx) => tx.delete(id));
    org.transaction(admin, (tx) => tx.undelete(id));
    const [deletion, undeletion] = since(position);
    expect(deletion).toMatchObject({ header: { changeType: 'DELETE', changedFields: [] }, fields: {} });
    expect(undeletion).toMatchObject({
      header: { changeType: 'UNDELETE', recordIds: [id], changedFields: [] },
      fields: { Name: 'Ada', Phone: '1', CreatedDate: second },
    });
  });

  it('the events of a transaction share a transaction key and are numbered from 1', () => {
    org.transaction(admin, (tx) => {
      tx.insert({ Name: 'Ada' });
      tx.insert({ Name: 'Bob' });
    });
    create({ Name: 'Cleo' });
    const headers = decodeEvents(org.bus).map((event) => event.header);
    expect(headers.map((header) => header.sequenceNumber)).toEqual([1, 2, 1]);
    const [first, second, third] = headers;
    expect(first?.transactionKey).toBe(second?.transactionKey);
    expect(first?.commitNumber).toBe(second?.commitNumber);
    expect(third?.transactionKey).not.toBe(first?.transactionKey);
    expect(third && first && third.commitNumber > first.commitNumber).toBe(true);
    expect(first && first.commitNumber > BigInt(Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  it('a transaction sends one event per record with the first kind and the final values', () => {
    const old = create({ Name: 'Old', Phone: '1' });
    const doomed = create({ Name: 'Doomed' });
    const position = org.bus.latest();
    org.transaction(admin, (tx) => {
      const made = tx.insert({ Name: 'New' });
      tx.update(made.id ?? '', { Phone: '9' });
      tx.update(old, { Phone: '2' });
      tx.update(old, { Phone: '3', Site: 'there' });
      tx.update(doomed, { Phone: '4' });
      tx.delete(doomed);
      const gone = tx.insert({ Name: 'Gone' });
      tx.delete(gone.id ?? '');
    });
    expect(since(position)).toMatchObject([
      { header: { changeType: 'CREATE' }, fields: { Name: 'New', Phone: '9' } },
      { header: { changeType: 'UPDATE', recordIds: [old] }, fields: { Phone: '3', Site: 'there' } },
      { header: { changeType: 'DELETE', recordIds: [doomed] }, fields: {} },
    ]);
  });

  it('equal changes of several records are merged into one event', () => {
    const ids = ['A', 'B', 'C'].map((Name) => create({ Name }));
    time += 60_000;
    const position = org.bus.latest();
    org.transaction(admin, (tx) => {
      for (const id of ids) tx.update(id, { Rating: id === ids[1] ? 'Cold' : 'Hot' });
    });
    expect(since(position)).toMatchObject([
      { header: { recordIds: [ids[0], ids[2]], sequenceNumber: 1 }, fields: { Rating: 'Hot' } },
      { header: { recordIds: [ids[1]], sequenceNumber: 2 }, fields: { Rating: 'Cold' } },
    ]);
  });

  it('a merged event has at most 200 records', () => {
    const ids = org.transaction(admin, (tx) =>
      Array.from({ length: 450 }, (_, index) => tx.insert({ Name: String(index) }).id ?? ''),
    );
    const position = org.bus.latest();
    org.transaction(admin, (tx) => {
      for (const id of ids) tx.delete(id);
    });
    const events = since(position);
    expect(events.map(({ header }) => header.recordIds.length)).toEqual([200, 200, 50]);
    expect(events.flatMap(({ header }) => header.recordIds)).toEqual(ids);
  });

  it('a transaction with too many changes ends in one overflow event', () => {
    const small = createOrg({ overflowAfter: 3 });
    small.transaction(admin, (tx) => {
      for (const Name of ['A', 'B', 'C', 'D', 'E']) tx.insert({ Name });
    });
    expect(decodeEvents(small.bus).map(({ header }) => header.changeType)).toEqual([
      'CREATE',
      'CREATE',
      'CREATE',
      'GAP_OVERFLOW',
    ]);
    expect(decodeEvents(small.bus).at(-1)?.header.recordIds).toEqual(['000000000000000AAA']);
  });

  it('changes can be sent as gap events or not at all', () => {
    const id = create({ Name: 'Ada' });
    const position = org.bus.latest();
    org.transaction(admin, (tx) => tx.update(id, { Phone: '1' }), 'nothing');
    org.transaction(admin, (tx) => tx.update(id, { Phone: '2' }), 'gaps');
    expect(since(position)).toMatchObject([
      { header: { changeType: 'GAP_UPDATE', recordIds: [id], changeOrigin: '' }, fields: {} },
    ]);
    expect(org.record(id)?.values).toMatchObject({ Phone: '2' });
  });

  it('events reach the entity topic, the topic of all entities and custom channels', () => {
    const id = create({ Name: 'Ada' });
    for (const topic of ['/data/AccountChangeEvent', '/data/ChangeEvents', '/data/Example__chn']) {
      expect(decodeEvents(org.bus, topic)).toMatchObject([{ header: { recordIds: [id] } }]);
    }
  });

  it('a new field changes the schema and the old schema stays readable', () => {
    create({ Name: 'Ada' });
    org.addField({ name: 'Vip__c', type: 'boolean' });
    create({ Name: 'Bob', Vip__c: true });
    const [before, after] = decodeEvents(org.bus);
    expect(before?.schemaId).not.toBe(after?.schemaId);
    expect(before?.fields).not.toHaveProperty('Vip__c');
    expect(after?.fields).toMatchObject({ Name: 'Bob', Vip__c: true });
    expect(org.bus.topic('/data/AccountChangeEvent')?.schemaId()).toBe(after?.schemaId);
  });
});
