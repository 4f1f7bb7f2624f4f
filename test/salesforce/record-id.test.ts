import fc from 'fast-check';
import { withChecksum } from 'salesforce-simulator/org/record-id.ts';
import { describe, expect, it } from 'vitest';
import { checkedId, parseRecordId } from '../../src/salesforce/record-id.ts';
import { runs } from '../helpers/property.ts';

const shortId = fc.stringMatching(/^[a-zA-Z0-9]{15}$/);

describe('record ids', () => {
  it.each([
    ['001Dp00000JJkkH', '001Dp00000JJkkHIAT'],
    ['001Dp00000JJkkHIAT', '001Dp00000JJkkHIAT'],
    ['000000000000000', '000000000000000AAA'],
  ])('the id %s has the long form %s', (id, long) => {
    expect(parseRecordId(id)).toBe(long);
  });

  it('both forms of an id have the long form that the org gives', () => {
    fc.assert(
      fc.property(shortId, (id) => {
        const long = withChecksum(id);
        expect(parseRecordId(id)).toBe(long);
        expect(parseRecordId(long)).toBe(long);
      }),
      runs,
    );
  });

  it('an id whose letters lost their case is refused by its checksum', () => {
    expect(parseRecordId('001dp00000jjkkhIAT')).toBeUndefined();
  });

  it.each([
    '',
    '001',
    '001Dp00000JJkkHIA',
    '001Dp00000JJkkHIATX',
    '001*',
    "001Dp00000JJkk'",
    '001Dp00000JJkkHI9T',
    ' 001Dp00000JJkkH',
  ])('the text "%s" is not a record id', (text) => {
    expect(parseRecordId(text)).toBeUndefined();
    expect(() => checkedId(text)).toThrow(`"${text}" is not a record id`);
  });
});
