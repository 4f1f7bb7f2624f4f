import { describe, expect, it } from 'vitest';
import { codeGenerator, defaultFormat, entropyBits, formatProblems } from '../../src/codes/code-format.ts';

const { alphabet } = defaultFormat;
const generate = codeGenerator(defaultFormat);

describe('generated codes', () => {
  it('a code has ten characters that cannot be confused', () => {
    expect(alphabet).toHaveLength(new Set(alphabet).size);
    for (const lookAlike of '0O1Il') expect(alphabet).not.toContain(lookAlike);
    const made = generate();
    expect(made).toHaveLength(10);
    for (const letter of made) expect(alphabet).toContain(letter);
  });

  it('every character is about equally frequent at every place of a code', () => {
    const codes = Array.from({ length: 20_000 }, generate);
    const expected = codes.length / alphabet.length;
    for (let place = 0; place < 10; place++) {
      const counts = Map.groupBy(codes, (made) => made.charAt(place));
      const square = [...alphabet].map(
        (letter) => ((counts.get(letter)?.length ?? 0) - expected) ** 2 / expected,
      );
      // Chi square with 56 degrees of freedom: 130 is passed by chance once in ten million.
      expect(square.reduce((sum, part) => sum + part, 0)).toBeLessThan(130);
    }
    expect(new Set(codes).size).toBe(codes.length);
  });
});

describe('the format of codes', () => {
  it('the default format has 58 bits, or 51 if case does not count', () => {
    expect(formatProblems(defaultFormat)).toEqual([]);
    expect(entropyBits(defaultFormat).toFixed(1)).toBe('58.3');
    expect(entropyBits(defaultFormat, false).toFixed(1)).toBe('50.9');
  });

  it('the prefix precedes the random characters', () => {
    expect(codeGenerator({ alphabet: '01', length: 40, prefix: 'SC-' })()).toMatch(/^SC-[01]{40}$/);
  });

  it.each([
    ['40 bits are enough', { alphabet: '0123456789ABCDEF', length: 10 }, []],
    [
      'fewer are refused, with the number',
      { alphabet: '0123456789', length: 8 },
      [
        'SIGNUP_CODE_LENGTH: 8 characters out of 10 make 26.6 bits, at least 40 are needed; 13 characters of this alphabet are enough',
      ],
    ],
    [
      'one letter is no choice',
      { alphabet: 'A' },
      [expect.stringMatching(/^SIGNUP_CODE_LENGTH: .* make 0.0 bits/)],
    ],
    ['a letter twice', { alphabet: 'ABCA' }, ['SIGNUP_CODE_ALPHABET: has "A" twice']],
    ['a quote', { alphabet: "ABC'" }, [expect.stringMatching(/^SIGNUP_CODE_ALPHABET: only letters/)]],
    [
      'a space in the prefix',
      { prefix: 'SC ' },
      [expect.stringMatching(/^SIGNUP_CODE_PREFIX: only letters/)],
    ],
  ])('the format is checked: %s', (_, given, problems) => {
    expect(formatProblems({ ...defaultFormat, ...given })).toEqual(problems);
  });
});
