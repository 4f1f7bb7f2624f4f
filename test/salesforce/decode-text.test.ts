import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/salesforce/decode-text.ts';

describe('bytes of a text', () => {
  it.each([
    ['half of an emoji', [0x61, 0xed, 0xa0, 0xbd], 'a\ud83d'],
    ['an emoji in two halves of three bytes', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0x21], '\u{1f600}!'],
    ['a letter that begins with the same byte', [0xed, 0x9f, 0xbf, 0xed, 0xb0, 0xb6], '\ud7ff\udc36'],
    ['a byte that is no UTF-8', [0x61, 0xff, 0x62], 'a\ufffdb'],
  ])('the bytes of %s are read as what they stand for', (_, bytes, text) => {
    expect(decodeText(Uint8Array.from(bytes))).toBe(text);
  });

  it('valid UTF-8 is read as UTF-8', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => decodeText(new TextEncoder().encode(text)) === text,
      ),
    );
  });
});
