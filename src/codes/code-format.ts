import { customAlphabet } from 'nanoid';

export type CodeFormat = {
  readonly alphabet: string;
  /** Random characters, without the prefix. */
  readonly length: number;
  readonly prefix: string;
};

/** 57 unambiguous digits and letters, without 0/O and 1/I/l: ten have 58 bits. */
export const defaultFormat: CodeFormat = {
  alphabet: '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  length: 10,
  prefix: '',
};

// With fewer, one of a million codes could be guessed within hours, and codes would collide.
export const minBits = 40;

// No escaping in SOQL, CSV, JSON, HTML and URLs.
const plain = /^[A-Za-z0-9_.~-]*$/;

/** Creates a generator of codes from a cryptographically secure source. */
export function codeGenerator({ alphabet, length, prefix }: CodeFormat): () => string {
  const random = customAlphabet(alphabet, length);
  return () => prefix + random();
}

/** Bits of randomness in a code. @param caseSensitive whether codes are distinguished by case */
export function entropyBits({ alphabet, length }: CodeFormat, caseSensitive = true): number {
  const different = new Set(caseSensitive ? alphabet : alphabet.toLowerCase());
  return length * Math.log2(different.size);
}

/** Validates a format. @returns one line per error, with the name of the setting */
export function formatProblems(format: CodeFormat): string[] {
  const { alphabet, prefix } = format;
  const unusable = (name: string): string =>
    `${name}: only letters, digits and - _ . ~ are possible: other characters need escaping`;
  if (!plain.test(alphabet)) return [unusable('SIGNUP_CODE_ALPHABET')];
  if (!plain.test(prefix)) return [unusable('SIGNUP_CODE_PREFIX')];
  const repeated = [...alphabet].find((character, index) => alphabet.indexOf(character) !== index);
  if (repeated !== undefined) return [`SIGNUP_CODE_ALPHABET: has "${repeated}" twice`];
  const bits = entropyBits(format);
  if (bits >= minBits) return [];
  const needed = Math.ceil(minBits / Math.log2(alphabet.length));
  const help = Number.isFinite(needed) ? `; ${needed} characters of this alphabet are enough` : '';
  return [
    `SIGNUP_CODE_LENGTH: ${format.length} characters out of ${alphabet.length} make ${bits.toFixed(1)} bits, at least ${minBits} are needed${help}`,
  ];
}
