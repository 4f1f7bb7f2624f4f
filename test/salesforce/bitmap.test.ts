import { describe, expect, it } from 'vitest';
import { type BitmapField, expandBitmaps } from '../../src/salesforce/bitmap.ts';

const addressParts = ['Street', 'City', 'State', 'PostalCode', 'Country', 'Latitude', 'Longitude'];
const pickedAddressParts = [...addressParts.slice(0, 5), 'StateCode', 'CountryCode', 'Latitude', 'Longitude'];

/** A layout of `count` fields of which only some names matter. */
function layout(count: number, known: Readonly<Record<number, Partial<BitmapField>>>): BitmapField[] {
  return Array.from({ length: count }, (_, position) => ({
    name: `Field${position}`,
    parts: [],
    ...known[position],
  }));
}

const org44 = layout(44, {
  4: { name: 'BillingAddress', parts: addressParts },
  5: { name: 'ShippingAddress', parts: addressParts },
  11: { name: 'Industry' },
  16: { name: 'Description' },
  22: { name: 'LastModifiedDate' },
  43: { name: 'SignUpCode__c' },
});

const org86 = layout(86, {
  6: { name: 'ShippingAddress', parts: pickedAddressParts },
  23: { name: 'LastModifiedDate' },
  68: { name: 'Amount_Owed__c' },
});

describe('the bitmaps of a change event header', () => {
  it.each([
    ['a standard and a custom field', org44, ['0x080000400000'], ['LastModifiedDate', 'SignUpCode__c']],
    ['two standard fields', org44, ['0x400800'], ['Industry', 'LastModifiedDate']],
    ['a text that came as a diff', org44, ['0x410000'], ['Description', 'LastModifiedDate']],
    ['the diff itself', org44, ['0x010000'], ['Description']],
    ['a part of an address', org44, ['0x400000', '4-0x01'], ['LastModifiedDate', 'BillingAddress.Street']],
    [
      'a part of an address in a larger org',
      org86,
      ['0x800000', '6-0x01'],
      ['LastModifiedDate', 'ShippingAddress.Street'],
    ],
    ['more than 64 bits', org86, ['0x100000000000800000'], ['LastModifiedDate', 'Amount_Owed__c']],
    [
      'a part bitmap of several bits',
      org44,
      ['5-0x3F'],
      addressParts.slice(0, 6).map((part) => `ShippingAddress.${part}`),
    ],
  ])('the bitmaps of %s are expanded to field names', (_, fields, elements, names) => {
    expect(expandBitmaps(elements, fields)).toEqual(names);
  });

  it('a part bitmap counts without a top-level one, as the geocoding job sends it', () => {
    // Position 6, bits 7 and 8: an address with state and country codes.
    expect(expandBitmaps(['6-0x0180'], org86)).toEqual([
      'ShippingAddress.Latitude',
      'ShippingAddress.Longitude',
    ]);
  });

  it('a bitmap may be written in lower case', () => {
    expect(expandBitmaps(['5-0x3f'], org44)).toEqual(expandBitmaps(['5-0x3F'], org44));
  });

  it('empty and missing bitmaps name no field', () => {
    expect(expandBitmaps([], org44)).toEqual([]);
    expect(expandBitmaps(['0x', '0x00'].slice(1), org44)).toEqual([]);
  });

  it.each([
    ['text that is no bitmap', 'Name', /"Name" is not a field bitmap/],
    ['a bitmap without digits', '0x', /is not a field bitmap/],
    ['a field behind the last one', '0x100000000000', /names position 44 of 44/],
    ['a part behind the last one', '4-0x80', /names position 7 of 7/],
    ['a part of a field that has none', '11-0x01', /names position 0 of 0/],
    ['a compound that is not there', '99-0x01', /names position 99 of 44/],
  ])('the header is refused for %s', (_, element, reason) => {
    expect(() => expandBitmaps([element], org44)).toThrow(reason);
  });
});
