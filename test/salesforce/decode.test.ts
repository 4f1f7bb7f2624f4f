import { describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../../src/salesforce/change-event.ts';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { bits, type EventInput, encodeEvent, testSchema } from '../helpers/change-events.ts';

const decode = (input: EventInput): ChangeEvent => decodeChangeEvent(encodeEvent(input), testSchema);
const values = (input: EventInput) => Object.fromEntries(decode(input).values);
const emptyAddress = { Street: null, City: null, State: null, PostalCode: null, Country: null };

describe('decoded change events', () => {
  it('a commit number beyond 2^53 is exact to the last digit', () => {
    const { header } = decode({ header: { commitNumber: 1_790_000_000_123_456_789n } });
    expect(header.commitNumber).toBe(1_790_000_000_123_456_789n);
    expect(header.commitTimestamp).toBe(1_790_000_000_000);
  });

  it('a merged change names all its records', () => {
    const recordIds = ['001000000000001AAA', '001000000000002AAA'];
    expect(decode({ header: { recordIds } }).header.recordIds).toEqual(recordIds);
  });

  it('a DELETE and a gap event have no values', () => {
    for (const changeType of ['DELETE', 'GAP_CREATE', 'GAP_UPDATE', 'GAP_DELETE', 'GAP_OVERFLOW']) {
      expect(decode({ header: { changeType } }).values.size).toBe(0);
    }
  });

  it('date-times, dates and times are ISO text according to their field type', () => {
    expect(
      values({
        header: { changedFields: bits('CreatedDate', 'Expires__c', 'Opens__c', 'Counter__c') },
        fields: {
          CreatedDate: 1_790_000_000_123n,
          Expires__c: 1_789_948_800_000n,
          Opens__c: 30_600_000n,
          Counter__c: 42n,
        },
      }),
    ).toEqual({
      CreatedDate: '2026-09-21T14:13:20.123Z',
      Expires__c: '2026-09-21',
      Opens__c: '08:30:00.000Z',
      Counter__c: 42,
    });
  });

  it('an integer that a double cannot represent is kept as text', () => {
    const changed = { changedFields: bits('Counter__c') };
    expect(values({ header: changed, fields: { Counter__c: 9_007_199_254_740_993n } })).toEqual({
      Counter__c: '9007199254740993',
    });
  });

  it('false and zero are different from empty', () => {
    expect(
      values({
        header: {
          changedFields: bits('Active__c', 'AnnualRevenue', 'NumberOfEmployees'),
          nulledFields: bits('NumberOfEmployees'),
        },
        fields: { Active__c: false, AnnualRevenue: 0, NumberOfEmployees: null },
      }),
    ).toEqual({ Active__c: false, AnnualRevenue: 0, NumberOfEmployees: null });
  });
});

describe('UPDATE events', () => {
  it('an UPDATE changes what its bitmaps name and nothing else, even if an enriched channel fills more', () => {
    expect(
      values({
        header: { changedFields: bits('Industry') },
        fields: {
          Industry: 'Energy',
          Name: 'Unchanged Ltd',
          BillingAddress: { ...emptyAddress, City: 'Rome' },
        },
      }),
    ).toEqual({ Industry: 'Energy' });
  });

  it('an UPDATE clears a changed field without a value if it is named as nulled', () => {
    const { header, values: cleared, missing } = decode({ header: { nulledFields: bits('Industry') } });
    expect(Object.fromEntries(cleared)).toEqual({ Industry: null });
    expect([header.changedFields, missing]).toEqual([['Industry'], []]);
  });

  it('a changed field or part without a value that is not named as nulled is missing', () => {
    const event = decode({
      header: {
        changedFields: bits('Industry', 'AnnualRevenue', 'ShippingAddress.City', 'BillingAddress.City'),
      },
      fields: { AnnualRevenue: 5, BillingAddress: { ...emptyAddress, Street: 'A 1' } },
    });
    expect(Object.fromEntries(event.values)).toEqual({ AnnualRevenue: 5 });
    expect(event.missing).toEqual(['Industry', 'ShippingAddress.City', 'BillingAddress.City']);
  });

  it('an UPDATE that names only the modification date may have changed any field', () => {
    const event = decode({
      header: { changedFields: bits('LastModifiedDate') },
      fields: { LastModifiedDate: 1n },
    });
    expect(event.missing).toEqual(['*']);
  });

  it('an UPDATE changes single parts of an address and keeps the other ones', () => {
    expect(
      values({
        header: { changedFields: bits('BillingAddress.City', 'BillingAddress.Latitude') },
        fields: { BillingAddress: { ...emptyAddress, City: 'Oslo', Latitude: 59.9 } },
      }),
    ).toEqual({ 'BillingAddress.City': 'Oslo', 'BillingAddress.Latitude': 59.9 });
  });

  it('an UPDATE clears single parts of an address whose other parts stay', () => {
    const changedFields = bits('ShippingAddress.City', 'ShippingAddress.Street');
    const nulledFields = bits('ShippingAddress.Street');
    const fields = { ShippingAddress: { ...emptyAddress, City: 'Oslo' } };
    expect(values({ header: { changedFields, nulledFields }, fields })).toEqual({
      'ShippingAddress.City': 'Oslo',
      'ShippingAddress.Street': null,
    });
  });

  it('an UPDATE clears the named parts if the whole address is null', () => {
    const nulledFields = bits('BillingAddress.City');
    expect(values({ header: { changedFields: nulledFields, nulledFields } })).toEqual({
      'BillingAddress.City': null,
    });
  });

  it('an UPDATE clears every part of an address that is named as a whole and null', () => {
    const cleared = values({
      header: { changedFields: bits('BillingAddress'), nulledFields: bits('BillingAddress') },
    });
    expect(cleared).toMatchObject({
      BillingAddress: null,
      'BillingAddress.Street': null,
      'BillingAddress.Longitude': null,
    });
    expect(Object.keys(cleared)).toHaveLength(8);
  });

  it('an UPDATE names the fields that came as a diff and has no value for them', () => {
    const event = decode({
      header: { changedFields: bits('Description', 'Industry'), diffFields: bits('Description') },
      fields: { Description: '--- \n+++ 0a\n@@ -1,1 +1,1 @@\n-a\n+b', Industry: 'Energy' },
    });
    expect(event.header.diffFields).toEqual(['Description']);
    expect(Object.fromEntries(event.values)).toEqual({ Industry: 'Energy' });
  });
});

describe('account names', () => {
  const changedFields = bits('Name');

  it('the name of a person is decoded in parts', () => {
    const Name = { Salutation: null, FirstName: 'Ada', LastName: 'Quill' };
    expect(values({ header: { changedFields }, fields: { Name } })).toEqual({
      Name: null,
      'Name.Salutation': null,
      'Name.FirstName': 'Ada',
      'Name.LastName': 'Quill',
    });
  });

  it('the name of a company is one text and its parts are empty', () => {
    expect(values({ header: { changedFields }, fields: { Name: 'Quill Ltd' } })).toEqual({
      Name: 'Quill Ltd',
      'Name.Salutation': null,
      'Name.FirstName': null,
      'Name.LastName': null,
    });
  });
});

describe('CREATE and UNDELETE events', () => {
  it.each(['CREATE', 'UNDELETE', 'SNAPSHOT'])(
    'the event (%s) has a value for every field and null for the empty ones',
    (changeType) => {
      const all = values({ header: { changeType }, fields: { Name: 'Quill Ltd' } });
      const names = new Set(Object.keys(all).map((path) => path.split('.')[0]));
      expect([...names]).toEqual(testSchema.entityFields.slice(1).map(({ name }) => name));
      expect(all).toMatchObject({ Name: 'Quill Ltd', Industry: null, 'BillingAddress.City': null });
    },
  );
});

describe('errors of undecodable events', () => {
  it('cut-off bytes are an error at any place', () => {
    const whole = encodeEvent({
      header: { changedFields: bits('Industry') },
      fields: { Industry: 'Energy' },
    });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeChangeEvent(whole.subarray(0, length), testSchema)).toThrow(/./);
    }
  });

  it('extra bytes at the end are an error', () => {
    const longer = Buffer.concat([encodeEvent(), Buffer.from([0])]);
    expect(() => decodeChangeEvent(longer, testSchema)).toThrow(/trailing/);
  });

  it('an unknown change type is an error', () => {
    expect(() => decode({ header: { changeType: 'TELEPORT' } })).toThrow(/unknown change type "TELEPORT"/);
  });

  it('a bitmap that names more fields than the schema has is an error', () => {
    expect(() => decode({ header: { changedFields: ['0x8000'] } })).toThrow(/names position 15 of 15/);
  });

  it.each(['commitTimestamp', 'commitNumber'])(
    'a negative %s is an error because no version can contain it',
    (name) => {
      expect(() => decode({ header: { [name]: -1n } })).toThrow(`${name} is negative`);
    },
  );

  it('a negative sequenceNumber is an error', () => {
    expect(() => decode({ header: { sequenceNumber: -1 } })).toThrow('sequenceNumber is negative');
  });
});
