import { describe, expect, it } from 'vitest';
import { mintId, toLongId, toShortId, withChecksum } from '../../src/org/record-id.ts';

describe('record ids', () => {
  it.each([
    ['001Dp00000JJkkH', '001Dp00000JJkkHIAT'],
    ['005Dp000000Ppjs', '005Dp000000PpjsIAC'],
    ['005Dp00000340bF', '005Dp00000340bFIAQ'],
    ['001WT00001wxBA7', '001WT00001wxBA7YAM'],
    ['000000000000000', '000000000000000AAA'],
    ['AZaz0ZZZZZzzzzz', 'AZaz0ZZZZZzzzzzD5A'],
  ])('the id %s has the checksum of %s', (short, long) => {
    expect(withChecksum(short)).toBe(long);
    expect(toLongId(short)).toBe(long);
    expect(toLongId(long)).toBe(long);
    expect(toShortId(long)).toBe(short);
  });

  it.each(['001Dp00000JJkkHIAU', '001Dp00000JJkkHiat', '001Dp00000JJkk', '001Dp00000JJkk-IAT', ''])(
    'the text %j is refused as a record id',
    (text) => {
      expect(toLongId(text)).toBeUndefined();
    },
  );

  it('later ids sort after earlier ones', () => {
    const ids = [1, 35, 36, 61, 62, 3843, 3844, 1_000_000].map((ordinal) => mintId('001', ordinal));
    expect([...ids].sort()).toEqual(ids);
    expect(ids.map(toLongId)).toEqual(ids);
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([18]));
  });
});
