import { expect, it } from 'vitest';
import { fieldIndex } from '../../src/http/field-index.ts';
import { readRecord } from '../../src/http/record-input.ts';
import { createOrg } from '../../src/org/org.ts';

const index = fieldIndex(createOrg());
const day = Date.UTC(2026, 10, 23);
const hour = 3_600_000;

it.each([
  ['CreatedDate', '2026-11-23T08:00:00.000+0000', day + 8 * hour],
  ['CreatedDate', '2026-11-23T08:00:00+01:00', day + 7 * hour],
  ['CreatedDate', '2026-11-23T08:00:00.5Z', day + 8 * hour + 500],
  ['CreatedDate', '2026-11-23T08:00:00-0130', day + 9.5 * hour],
  ['CreatedDate', '2026-11-23', day],
  ['SLAExpirationDate__c', '2026-11-23', day],
  ['SLAExpirationDate__c', '2026-11-23T23:00:00Z', day],
  ['AnnualRevenue', '12.5', 12.5],
  ['NumberOfEmployees', 3, 3],
  ['IsDeleted', 'true', true],
  ['Name', 5, '5'],
  ['Name', '', null],
  ['AnnualRevenue', '', null],
  ['Phone', null, null],
])('the field %s accepts %j', (name, json, value) => {
  expect(readRecord({ [name]: json }, index).values).toEqual({ [name]: value });
});

it('field names may have any case and unknown ones are left for the org to refuse', () => {
  const record = { attributes: { type: 'Account' }, NAME: 'x', Nope: { deep: 1 } };
  expect(readRecord(record, index)).toEqual({ type: 'Account', values: { Name: 'x', Nope: null } });
});
