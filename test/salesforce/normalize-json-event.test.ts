import { describe, expect, it } from 'vitest';
import { type Json, parseExactJson } from '../../src/salesforce/exact-json.ts';
import {
  decodeJsonChangeEvent,
  JsonEventError,
  parseJsonEvent,
} from '../../src/salesforce/json-change-event.ts';
import { normalizeJsonEvent } from '../../src/salesforce/normalize-json-event.ts';
import { accountId, bits, testSchema } from '../helpers/change-events.ts';

const fields = testSchema.entityFields;
const payload = (header: object, members: object): Json =>
  parseExactJson(
    JSON.stringify({
      ChangeEventHeader: {
        entityName: 'Account',
        recordIds: [accountId],
        changeType: 'UPDATE',
        transactionKey: 'key',
        sequenceNumber: 1,
        commitTimestamp: 1,
        commitNumber: 1,
        ...header,
      },
      ...members,
    }),
  );
const normalize = (header: object, members: object) =>
  normalizeJsonEvent(parseJsonEvent(payload(header, members)), fields);
const valuesOf = (header: object, members: object): object => {
  const { values } = decodeJsonChangeEvent(normalize(header, members), fields);
  return Object.fromEntries(values);
};
const named = (...changedFields: string[]) => ({ changedFields });

describe('change events as senders write them', () => {
  it.each([
    ['bitmaps', named(...bits('Industry')), { Industry: 'Energy', Name: null }, { Industry: 'Energy' }],
    [
      'bitmaps of parts',
      named(...bits('BillingAddress.City')),
      { BillingAddress: { City: 'Oslo' } },
      { 'BillingAddress.City': 'Oslo' },
    ],
    ['tagged unions', named('Industry'), { Industry: { string: 'Energy' } }, { Industry: 'Energy' }],
    [
      'tagged compound fields',
      named('BillingAddress.City'),
      { BillingAddress: { 'com.sforce.eventbus.Address': { City: { string: 'Oslo' } } } },
      { 'BillingAddress.City': 'Oslo' },
    ],
    ['names in another case', named('industry'), { INDUSTRY: 'Energy' }, { Industry: 'Energy' }],
    ['flat names', named('BillingCity'), { BillingCity: 'Oslo' }, { 'BillingAddress.City': 'Oslo' }],
    [
      'flat names of a person',
      named('FirstName', 'LastName'),
      { FirstName: 'Ada', LastName: 'Byron' },
      { Name: null, 'Name.FirstName': 'Ada', 'Name.LastName': 'Byron' },
    ],
    ['numbers as texts', named('NumberOfEmployees'), { NumberOfEmployees: '42' }, { NumberOfEmployees: 42 }],
    ['booleans as texts', named('Active__c'), { Active__c: 'true' }, { Active__c: true }],
    [
      'an object in another case',
      { entityName: 'account', ...named('Industry') },
      { Industry: 'x' },
      { Industry: 'x' },
    ],
    ['a cleared field', named('Industry'), { Industry: null }, { Industry: null }],
    ['unchanged fields in addition', named('Industry'), { Industry: 'x', Whatever: [1] }, { Industry: 'x' }],
  ])('an event with %s is understood', (_name, header, members, values) => {
    expect(valuesOf(header, members)).toEqual(values);
    expect(normalize(header, members).header.diffFields).toEqual([]);
  });

  it.each([
    [
      'an unknown name in changedFields',
      named('Industri'),
      { Industri: 'x' },
      'ChangeEventHeader.changedFields',
    ],
    ['an unknown bitmap', named('0xFFFFFFFFFF'), {}, 'ChangeEventHeader.changedFields'],
    ['an unknown member of a new record', { changeType: 'CREATE' }, { Industri: 'x' }, 'Industri'],
    ['an unknown part', named('BillingAddress'), { BillingAddress: { Town: 'x' } }, 'BillingAddress.Town'],
    ['a number for a text', named('Industry'), { Industry: 5 }, 'Industry'],
    ['a text for a number', named('AnnualRevenue'), { AnnualRevenue: 'much' }, 'AnnualRevenue'],
    [
      'a fraction for an integer',
      named('NumberOfEmployees'),
      { NumberOfEmployees: '4.5' },
      'NumberOfEmployees',
    ],
    ['a list', named('Industry'), { Industry: ['x'] }, 'Industry'],
    ['a long name', named('Name'), { Name: 'x'.repeat(5_000) }, 'Name'],
    ['a date that is none', named('Expires__c'), { Expires__c: 'tomorrow' }, 'Expires__c'],
    ['one field twice', named('Industry'), { Industry: 'x', industry: 'y' }, 'industry'],
    ['nothing that changed', {}, {}, 'ChangeEventHeader.changedFields'],
    [
      'the id of another object',
      { recordIds: ['003000000000001AAA'] },
      { Industry: 'x' },
      'ChangeEventHeader.recordIds',
    ],
  ])('an event with %s is refused and the member is named', (_name, header, members, path) => {
    let found: unknown;
    try {
      normalize(header, members);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(JsonEventError);
    expect(found).toMatchObject({ path });
  });

  it('a named field without a value, and a null of which nothing says that it is meant, are left to a read', () => {
    const withheld = normalize(named('Industry', 'Description'), { Industry: 'Energy' });
    expect(withheld.header.diffFields).toEqual(['Description']);
    const listed = normalize(
      { ...named('Industry', 'Description'), nulledFields: ['Industry'] },
      {
        Industry: null,
        Description: null,
      },
    );
    expect(listed.header.diffFields).toEqual(['Description']);
    const open = normalize({}, { Industry: 'Energy', Name: null });
    expect(open.header.diffFields).toEqual(['Name']);
    expect(Object.fromEntries(decodeJsonChangeEvent(open, fields).values)).toEqual({ Industry: 'Energy' });
  });
});
