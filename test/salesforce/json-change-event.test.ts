import { describe, expect, it } from 'vitest';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { parseExactJson } from '../../src/salesforce/exact-json.ts';
import { decodeJsonChangeEvent, parseJsonEvent } from '../../src/salesforce/json-change-event.ts';
import { accountId, bits, encodeEvent, testSchema } from '../helpers/change-events.ts';

const header = {
  entityName: 'Account',
  recordIds: [accountId],
  changeType: 'UPDATE',
  changeOrigin: 'com/salesforce/api/rest/66.0;client=Test',
  transactionKey: '00000001-0000-0000-0000-000000000000',
  sequenceNumber: 1,
  commitTimestamp: 1_790_000_000_000,
  commitNumber: '1790000000123456789',
  commitUser: '005000000000001AAA',
};

const read = (value: unknown) => parseJsonEvent(parseExactJson(JSON.stringify(value)));
const decode = (given: object, fields: object = {}) =>
  decodeJsonChangeEvent(
    read({ ChangeEventHeader: { ...header, ...given }, ...fields }),
    testSchema.entityFields,
  );
const valuesOf = (given: object, fields: object) => Object.fromEntries(decode(given, fields).values);

describe('change events in JSON', () => {
  const payload = { ChangeEventHeader: header, Industry: 'Energy' };

  it.each([
    ['the bare payload', payload, undefined],
    ['the shape of CometD', { schema: 'x', payload, event: { replayId: 5, EventUuid: 'e-1' } }, 'e-1'],
    [
      'CometD with its channel',
      { channel: '/data/x', data: { schema: 'x', payload, event: { replayId: 5 } } },
      undefined,
    ],
    ['EventBridge', { version: '0', id: 'b-1', 'detail-type': 'x', detail: { payload } }, 'b-1'],
    ['EventBridge without a payload inside', { version: '0', id: 'b-1', detail: payload }, 'b-1'],
    [
      'EventBridge with an event id inside',
      { id: 'b-1', detail: { payload, event: { EventUuid: 'e-1' } } },
      'e-1',
    ],
  ])('a change event is found in %s', (_name, wrapped, eventId) => {
    const event = read(wrapped);
    expect(event.eventId).toBe(eventId);
    expect(event.header).toMatchObject({ commitNumber: 1_790_000_000_123_456_789n, changeType: 'UPDATE' });
    expect(event.payload.get('Industry')).toBe('Energy');
  });

  it.each([
    [{}, '', 'holds no ChangeEventHeader'],
    [[], '', 'must be an object'],
    [{ data: { payload: 5 } }, 'data.payload', 'must be an object'],
    [{ payload: { ChangeEventHeader: 1 } }, 'payload.ChangeEventHeader', 'must be an object'],
    [
      { ChangeEventHeader: { ...header, changeType: 'MERGE' } },
      'ChangeEventHeader.changeType',
      /^must be one of CREATE/,
    ],
    [{ ChangeEventHeader: { ...header, recordIds: [] } }, 'ChangeEventHeader.recordIds', 'must not be empty'],
    [{ ChangeEventHeader: { ...header, recordIds: 'x' } }, 'ChangeEventHeader.recordIds', 'must be a list'],
    [
      { ChangeEventHeader: { ...header, changedFields: [1] } },
      'ChangeEventHeader.changedFields',
      'must be a list of names',
    ],
    [
      { ChangeEventHeader: { ...header, transactionKey: '' } },
      'ChangeEventHeader.transactionKey',
      'must not be empty',
    ],
    [
      { ChangeEventHeader: { ...header, commitUser: 'a\u0000' } },
      'ChangeEventHeader.commitUser',
      /text of at most/,
    ],
    [
      { ChangeEventHeader: { ...header, sequenceNumber: -1 } },
      'ChangeEventHeader.sequenceNumber',
      /^must be a whole number/,
    ],
    [
      { ChangeEventHeader: { ...header, sequenceNumber: 2 ** 31 } },
      'ChangeEventHeader.sequenceNumber',
      /to 2147483647$/,
    ],
    [
      { ChangeEventHeader: { ...header, commitNumber: 1.5 } },
      'ChangeEventHeader.commitNumber',
      /^must be a whole number/,
    ],
    [
      { ChangeEventHeader: { ...header, commitNumber: '9223372036854775808' } },
      'ChangeEventHeader.commitNumber',
      /^must/,
    ],
  ])('an invalid change event is refused with the place of the error: %j', (value, path, message) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ path, message: expect.stringMatching(message) }),
    );
  });

  it('null clears a field and a missing field is unchanged', () => {
    const changedFields = ['Industry', 'Description', 'AnnualRevenue', 'LastModifiedDate'];
    const fields = { Industry: null, AnnualRevenue: 12, LastModifiedDate: '2026-11-25T10:00:00.000+0100' };
    expect(valuesOf({ changedFields }, fields)).toEqual({
      Industry: null,
      AnnualRevenue: 12,
      LastModifiedDate: '2026-11-25T09:00:00.000Z',
    });
  });

  it('only the fields named by the header are read, since an enriched channel sends unchanged fields', () => {
    expect(valuesOf({ changedFields: ['Industry'] }, { Industry: 'A', Description: 'same' })).toEqual({
      Industry: 'A',
    });
    expect(valuesOf({ changedFields: [] }, { Industry: 'A' })).toEqual({});
  });

  it('all fields of an event are read if an old header names none', () => {
    expect(valuesOf({}, { Industry: 'A', Active__c: true })).toEqual({ Industry: 'A', Active__c: true });
  });

  it('the named or present parts of a compound field are changed', () => {
    const part = { changedFields: ['BillingAddress.City', 'BillingAddress.Street'] };
    expect(valuesOf(part, { BillingAddress: { City: 'Oslo', State: 'X' } })).toEqual({
      'BillingAddress.City': 'Oslo',
    });
    const whole = { changedFields: ['BillingAddress'] };
    expect(valuesOf(whole, { BillingAddress: { city: 'Oslo', Street: null } })).toEqual({
      'BillingAddress.City': 'Oslo',
      'BillingAddress.Street': null,
    });
    expect(valuesOf(whole, { BillingAddress: null })).toMatchObject({
      'BillingAddress.City': null,
      'BillingAddress.Longitude': null,
    });
    const nulled = { changedFields: [], nulledFields: ['BillingAddress.City'] };
    expect(valuesOf(nulled, {})).toEqual({ 'BillingAddress.City': null });
  });

  it('a text sent as a diff is recognized', () => {
    const event = decode({ changedFields: ['Description'] }, { Description: { diff: '--- \n+++ x' } });
    expect(event.header.diffFields).toEqual(['Description']);
    expect(event.values.size).toBe(0);
  });

  it('fields missing from the schema are read, with dates recognized by their format', () => {
    const changedFields = ['New__c', 'Seen__c', 'Expires__c', 'Big__c'];
    const fields = { New__c: 'x', Seen__c: '2026-11-25T10:00:00Z', Expires__c: '2026-11-25T00:00:00.000Z' };
    expect(valuesOf({ changedFields }, fields)).toEqual({
      New__c: 'x',
      Seen__c: '2026-11-25T10:00:00.000Z',
      Expires__c: '2026-11-25',
    });
  });

  it.each([
    [{ Industry: ['a'] }, 'Industry is not a single value'],
    [{ LastModifiedDate: 'yesterday' }, 'LastModifiedDate is not a date and time'],
  ])('a value of the wrong type can not be decoded: %j', (fields, message) => {
    expect(() => decode({ changedFields: Object.keys(fields) }, fields)).toThrow(message);
  });

  it('a JSON event decodes to the same as the Avro event of the same change', () => {
    const changed = [
      'Industry',
      'BillingAddress.City',
      'AnnualRevenue',
      'LastModifiedDate',
      'Expires__c',
      'Opens__c',
    ];
    const at = 1_790_000_000_000n;
    const avro = encodeEvent({
      header: { changedFields: bits(...changed), nulledFields: bits('Industry') },
      fields: {
        BillingAddress: address('Oslo'),
        AnnualRevenue: 5,
        LastModifiedDate: at,
        Expires__c: at,
        Opens__c: 3_600_000n,
      },
    });
    const json = decode(
      { changedFields: changed },
      {
        Industry: null,
        BillingAddress: { City: 'Oslo' },
        AnnualRevenue: 5,
        LastModifiedDate: new Date(Number(at)).toISOString(),
        Expires__c: '2026-09-21',
        Opens__c: '01:00:00.000Z',
      },
    );
    expect(Object.fromEntries(json.values)).toEqual(
      Object.fromEntries(decodeChangeEvent(avro, testSchema).values),
    );
    const avroCreate = encodeEvent({
      header: { changeType: 'CREATE' },
      fields: { Name: 'A', BillingAddress: address('Oslo') },
    });
    const jsonCreate = decode({ changeType: 'CREATE' }, { Name: 'A', BillingAddress: { City: 'Oslo' } });
    expect(Object.fromEntries(jsonCreate.values)).toEqual(
      Object.fromEntries(decodeChangeEvent(avroCreate, testSchema).values),
    );
  });
});

function address(City: string) {
  const none = {
    Street: null,
    State: null,
    PostalCode: null,
    Country: null,
    Latitude: null,
    Longitude: null,
  };
  return { ...none, City };
}
