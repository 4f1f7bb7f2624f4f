import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStorableText, storableJson, storableText } from '../../src/db/storable.ts';

describe('a text for PostgreSQL', () => {
  it.each([
    ['a NUL', 'a\0b', 'a\ufffdb'],
    ['the first half of an emoji', 'cut \ud83d', 'cut \ufffd'],
    ['the second half of an emoji', '\udc36 y', '\ufffd y'],
    ['two halves in the wrong order', '\udc36\ud83d', '\ufffd\ufffd'],
  ])('a text with %s is stored with U+FFFD in its place', (_, text, stored) => {
    expect(isStorableText(text)).toBe(false);
    expect(storableText(text)).toBe(stored);
    expect(JSON.parse(storableJson({ [text]: [text, { text }] }))).toEqual({
      [stored]: [stored, { text: stored }],
    });
  });

  it.each(['\u{1f3e0} e\u0301', '\u0007 \u001b \u0085 \u2028', '\\u0000 \\ud83d', '\ufeff\ufffd\uffff'])(
    'a storable text stays as it is: %j',
    (text) => {
      expect(storableText(text)).toBe(text);
      expect(storableJson([text])).toBe(JSON.stringify([text]));
    },
  );

  it('JSON for PostgreSQL has only storable texts however the value is nested', () => {
    fc.assert(
      fc.property(fc.anything({ key: fc.string({ unit: 'binary' }), values: [anyText] }), (value) => {
        const texts: string[] = [];
        JSON.parse(storableJson({ value }), (name, member) => {
          texts.push(name, ...(typeof member === 'string' ? [member] : []));
          return member;
        });
        return texts.every(isStorableText);
      }),
    );
  });
});

const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd83d, 0xdc36)), { maxLength: 8 })
  .map((units) => String.fromCharCode(...units));
