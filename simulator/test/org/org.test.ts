import { beforeEach, describe, expect, it } from 'vitest';
import type { RecordValues, SaveResult } from '../../src/org/model.ts';
import { createOrg, type SimulatorOrg } from '../../src/org/org.ts';
import { mintId } from '../../src/org/record-id.ts';
import { admin, integration } from './callers.ts';

describe('the org', () => {
  let time = 0;
  let org: SimulatorOrg;
  beforeEach(() => {
    time = Date.UTC(2026, 10, 23, 8, 0, 0, 750);
    org = createOrg({ now: () => time });
  });

  const insert = (values: RecordValues) => org.transaction(admin, (tx) => tx.insert(values));
  const update = (id: string, values: RecordValues) => org.transaction(admin, (tx) => tx.update(id, values));

  function insertOk(values: RecordValues): string {
    const result = insert(values);
    if (!result.success) throw new Error(JSON.stringify(result.errors));
    return result.id;
  }

  describe('insertion', () => {
    it('an insert stores the values and system fields in whole seconds', () => {
      const id = insertOk({ Name: ' Ada ', billingcity: 'London', Site: '' });
      const second = Date.UTC(2026, 10, 23, 8, 0, 0);
      expect(org.record(id)).toEqual({
        id,
        isDeleted: false,
        values: {
          Id: id,
          Name: 'Ada',
          BillingCity: 'London',
          OwnerId: admin.userId,
          CreatedDate: second,
          CreatedById: admin.userId,
          LastModifiedDate: second,
          LastModifiedById: admin.userId,
          SystemModstamp: second,
          IsDeleted: false,
        },
      });
    });

    it('a record is found by its 15-character id too', () => {
      const id = insertOk({ Name: 'Ada' });
      expect(org.record(id.slice(0, 15))?.id).toBe(id);
      expect(org.record(`${id.slice(0, 15)}ZZZ`)).toBeUndefined();
    });

    it.each<[string, RecordValues, string, readonly string[]]>([
      ['no name', {}, 'REQUIRED_FIELD_MISSING', ['Name']],
      ['a blank name', { Name: '  ' }, 'REQUIRED_FIELD_MISSING', ['Name']],
      ['text beyond its length', { Name: 'x'.repeat(256) }, 'STRING_TOO_LONG', ['Name']],
      ['an unknown field', { Name: 'A', Nope__c: 'x' }, 'INVALID_FIELD', []],
      ['a system field', { Name: 'A', CreatedDate: 1 }, 'INVALID_FIELD_FOR_INSERT_UPDATE', ['CreatedDate']],
      [
        'a compound field',
        { Name: 'A', BillingAddress: 'x' },
        'INVALID_FIELD_FOR_INSERT_UPDATE',
        ['BillingAddress'],
      ],
      [
        'text in a number',
        { Name: 'A', AnnualRevenue: 'much' },
        'INVALID_TYPE_ON_FIELD_IN_RECORD',
        ['AnnualRevenue'],
      ],
      [
        'half a person',
        { Name: 'A', NumberOfEmployees: 1.5 },
        'INVALID_TYPE_ON_FIELD_IN_RECORD',
        ['NumberOfEmployees'],
      ],
      [
        'too big a number',
        { Name: 'A', NumberOfEmployees: 100_000_000 },
        'NUMBER_OUTSIDE_VALID_RANGE',
        ['NumberOfEmployees'],
      ],
      ['a malformed parent', { Name: 'A', ParentId: 'abc' }, 'MALFORMED_ID', ['ParentId']],
      [
        'a parent that is no account',
        { Name: 'A', ParentId: mintId('005', 1) },
        'MALFORMED_ID',
        ['ParentId'],
      ],
      [
        'an unknown parent',
        { Name: 'A', ParentId: mintId('001', 5) },
        'INVALID_CROSS_REFERENCE_KEY',
        ['ParentId'],
      ],
    ])('an insert refuses %s', (_, values, statusCode, fields) => {
      expect(insert(values)).toMatchObject({ success: false, id: null, errors: [{ statusCode, fields }] });
      expect(org.size).toBe(0);
    });

    it('an insert accepts undefined picklist values', () => {
      insertOk({ Name: 'A', Industry: 'Moon mining' });
    });
  });

  describe('unique fields', () => {
    it('a unique field refuses a second record and names the first', () => {
      const holder = insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      expect(insert({ Name: 'B', SignUpCode__c: 'abc' })).toEqual({
        success: false,
        id: null,
        errors: [
          {
            statusCode: 'DUPLICATE_VALUE',
            message: `duplicate value found: SignUpCode__c duplicates value on record with id: ${holder.slice(0, 15)}`,
            fields: [],
          },
        ],
      });
    });

    it('a unique field is case-sensitive', () => {
      insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      insertOk({ Name: 'B', SignUpCode__c: 'ABC' });
    });

    it('a unique value may be written again to its own record', () => {
      const id = insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      expect(update(id, { SignUpCode__c: 'abc' })).toMatchObject({ success: true });
    });

    it('a unique value is free once its record is deleted, and a record that reuses it blocks the undeletion', () => {
      const first = insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      org.transaction(admin, (tx) => tx.delete(first));
      insertOk({ Name: 'B', SignUpCode__c: 'abc' });
      const result = org.transaction(admin, (tx) => tx.undelete(first));
      expect(result).toMatchObject({ success: false, errors: [{ statusCode: 'DUPLICATE_VALUE' }] });
    });

    it('an undeleted record owns its unique value again', () => {
      const id = insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      org.transaction(admin, (tx) => tx.delete(id));
      org.transaction(admin, (tx) => tx.undelete(id));
      expect(insert({ Name: 'B', SignUpCode__c: 'abc' })).toMatchObject({ success: false });
    });

    it('unique values are checked between the records of one transaction', () => {
      const results = org.transaction(admin, (tx) => [
        tx.insert({ Name: 'A', SignUpCode__c: 'abc' }),
        tx.insert({ Name: 'B', SignUpCode__c: 'abc' }),
      ]);
      expect(results.map((result) => result.success)).toEqual([true, false]);
    });
  });

  describe('updates', () => {
    it('an update changes the named fields only, and null clears a field', () => {
      const id = insertOk({ Name: 'A', Phone: '1', Site: 'here' });
      time += 5_000;
      org.transaction(integration, (tx) => tx.update(id, { Phone: null }));
      const values = org.record(id)?.values ?? {};
      expect(values).not.toHaveProperty('Phone');
      expect(values).toMatchObject({ Name: 'A', Site: 'here', LastModifiedById: integration.userId });
      expect(values['LastModifiedDate']).toBe(values['SystemModstamp']);
      expect(Number(values['LastModifiedDate']) - Number(values['CreatedDate'])).toBe(5_000);
    });

    it('an update refuses to clear a required field', () => {
      const id = insertOk({ Name: 'A' });
      expect(update(id, { Name: null })).toMatchObject({
        errors: [{ statusCode: 'REQUIRED_FIELD_MISSING' }],
      });
    });

    it.each<[string, string, string]>([
      ['a text that is no id', 'nonsense', 'MALFORMED_ID'],
      ['the id of a user', mintId('005', 1), 'MALFORMED_ID'],
      ['an unknown id', mintId('001', 7), 'INVALID_CROSS_REFERENCE_KEY'],
    ])('an update refuses %s', (_, id, statusCode) => {
      expect(update(id, { Phone: '1' })).toMatchObject({ success: false, errors: [{ statusCode }] });
    });

    it('an update refuses a deleted record', () => {
      const id = insertOk({ Name: 'A' });
      org.transaction(admin, (tx) => tx.delete(id));
      const expected = { statusCode: 'ENTITY_IS_DELETED', message: 'entity is deleted', fields: [] };
      expect(update(id, { Phone: '1' })).toMatchObject({ id, errors: [expected] });
      expect(org.transaction(admin, (tx) => tx.delete(id))).toMatchObject({ errors: [expected] });
    });
  });

  describe('deletion and undeletion', () => {
    it('a deleted record is kept and marked', () => {
      const id = insertOk({ Name: 'A' });
      org.transaction(admin, (tx) => tx.delete(id));
      expect(org.record(id)).toMatchObject({ isDeleted: true, values: { Name: 'A', IsDeleted: true } });
      org.transaction(admin, (tx) => tx.undelete(id));
      expect(org.record(id)).toMatchObject({ isDeleted: false, values: { Name: 'A', IsDeleted: false } });
    });

    it('undeletion refuses a record that is not deleted', () => {
      const id = insertOk({ Name: 'A' });
      expect(org.transaction(admin, (tx) => tx.undelete(id))).toMatchObject({
        errors: [{ statusCode: 'UNDELETE_FAILED' }],
      });
    });
  });

  describe('upserts', () => {
    const upsert = (field: string, value: string, values: RecordValues): SaveResult =>
      org.transaction(admin, (tx) => tx.upsert(field, value, values));

    it('an upsert creates by the external id and later updates', () => {
      const created = upsert('SignUpCode__c', 'abc', { Name: 'A' });
      expect(created).toMatchObject({ success: true, created: true });
      expect(upsert('signupcode__c', 'abc', { Name: 'B' })).toEqual({ ...created, created: false });
      expect(org.record(created.id ?? '')?.values).toMatchObject({ Name: 'B', SignUpCode__c: 'abc' });
    });

    it('an upsert refuses a field that is not an external id and a value that several records have', () => {
      expect(upsert('Phone', '1', {})).toMatchObject({ errors: [{ statusCode: 'NOT_FOUND' }] });
      org.addField({ name: 'Legacy__c', type: 'string', externalId: true });
      insertOk({ Name: 'A', Legacy__c: '7' });
      insertOk({ Name: 'B', Legacy__c: '7' });
      expect(upsert('Legacy__c', '7', {})).toMatchObject({
        errors: [{ statusCode: 'DUPLICATE_EXTERNAL_ID' }],
      });
    });
  });

  describe('transactions', () => {
    it('a rollback undoes everything and sends no event', () => {
      const id = insertOk({ Name: 'A', SignUpCode__c: 'abc' });
      const before = org.record(id);
      const position = org.bus.latest();
      org.transaction(admin, (tx) => {
        tx.update(id, { Name: 'B', SignUpCode__c: 'xyz' });
        tx.insert({ Name: 'C' });
        tx.rollback();
      });
      expect(org.record(id)).toBe(before);
      expect(org.size).toBe(1);
      expect(org.bus.latest()).toBe(position);
      expect(insert({ Name: 'D', SignUpCode__c: 'abc' })).toMatchObject({ success: false });
    });

    it('an exception in a transaction undoes everything', () => {
      expect(() =>
        org.transaction(admin, (tx) => {
          tx.insert({ Name: 'A' });
          throw new Error('stop');
        }),
      ).toThrow('stop');
      expect(org.size).toBe(0);
    });
  });

  it('records are listed in the order of creation', () => {
    const ids = ['A', 'B', 'C'].map((Name) => insertOk({ Name }));
    update(ids[0] ?? '', { Phone: '1' });
    expect([...org.records()].map((record) => record.id)).toEqual(ids);
  });

  it('a new checkbox has its default in existing records', () => {
    const id = insertOk({ Name: 'A' });
    org.addField({ name: 'Vip__c', type: 'boolean' });
    expect(org.record(id)?.values).toMatchObject({ Vip__c: false });
    expect(org.record(insertOk({ Name: 'B' }))?.values).toMatchObject({ Vip__c: false });
  });
});
