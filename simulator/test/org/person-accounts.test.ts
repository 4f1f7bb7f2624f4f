import { beforeEach, describe, expect, it } from 'vitest';
import type { RecordValues } from '../../src/org/model.ts';
import { createOrg, type SimulatorOrg } from '../../src/org/org.ts';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { admin } from './callers.ts';

describe('person accounts', () => {
  let org: SimulatorOrg;
  beforeEach(() => {
    org = createOrg({ personAccounts: true });
  });

  const insert = (values: RecordValues) => org.transaction(admin, (tx) => tx.insert(values));
  const update = (id: string, values: RecordValues) => org.transaction(admin, (tx) => tx.update(id, values));
  const person = () => insert({ Salutation: 'Ms.', FirstName: 'Ada', LastName: 'Lovelace' }).id ?? '';
  const lastEvent = () => decodeEvents(org.bus).at(-1);

  it('the Name field of the schema may be empty, a text or a person, and the fields have their real positions', () => {
    const schemaId = org.bus.topic('/data/AccountChangeEvent')?.schemaId() ?? '';
    const { fields } = JSON.parse(org.bus.schema(schemaId) ?? '');
    expect(fields[1]).toMatchObject({
      name: 'Name',
      type: ['null', 'string', { name: 'Switchable_PersonName' }],
      doc: 'Data:Switchable_PersonName',
    });
    expect(fields[1].type[2].fields.map(({ name }: { name: string }) => name)).toEqual([
      'Salutation',
      'FirstName',
      'LastName',
    ]);
    const names = fields.map(({ name }: { name: string }) => name);
    expect(names.slice(2, 5)).toEqual(['Type', 'RecordTypeId', 'ParentId']);
    expect(names.indexOf('PersonContactId')).toBe(names.indexOf('LastModifiedById') + 1);
    expect(names).not.toContain('IsPersonAccount');
  });

  it('an account with a last name becomes a person account', () => {
    const id = person();
    expect(org.record(id)?.values).toMatchObject({ Name: 'Ada Lovelace', IsPersonAccount: true });
    expect(lastEvent()?.fields['Name']).toEqual({
      Salutation: 'Ms.',
      FirstName: 'Ada',
      LastName: 'Lovelace',
    });
  });

  it('an event names the part of the name that changed', () => {
    const id = person();
    update(id, { LastName: 'King', PersonEmail: 'ada@simulator.example' });
    expect(org.record(id)?.values).toMatchObject({ Name: 'Ada King' });
    expect(lastEvent()?.header.changedFields.at(-1)).toBe('1-0x04');
    expect(lastEvent()?.fields).toMatchObject({
      Name: { Salutation: null, FirstName: null, LastName: 'King' },
      PersonEmail: 'ada@simulator.example',
    });
  });

  it('companies stay as they are', () => {
    const id = insert({ Name: 'Acme' }).id ?? '';
    expect(org.record(id)?.values).toMatchObject({ Name: 'Acme', IsPersonAccount: false });
    update(id, { Name: 'Acme Ltd' });
    expect(lastEvent()).toMatchObject({ fields: { Name: 'Acme Ltd' } });
    expect(Number(BigInt(lastEvent()?.header.changedFields[0] ?? '0') & 2n)).toBe(2);
  });

  it('a name for a person, name parts for a company and a person without a last name are refused', () => {
    const refused = { success: false, errors: [{ statusCode: 'INVALID_FIELD_FOR_INSERT_UPDATE' }] };
    expect(update(person(), { Name: 'Ada King' })).toMatchObject(refused);
    expect(update(insert({ Name: 'Acme' }).id ?? '', { LastName: 'Corp' })).toMatchObject(refused);
    expect(update(person(), { LastName: null })).toMatchObject({
      errors: [{ statusCode: 'REQUIRED_FIELD_MISSING' }],
    });
    expect(insert({ FirstName: 'Ada' }).success).toBe(false);
  });

  it('seeded companies are accepted too', () => {
    org.seed(2, 1);
    const [first] = org.records();
    expect(update(first?.id ?? '', { Name: 'Renamed' }).success).toBe(true);
  });
});
