import { customAlphabet } from 'nanoid';

/** How codes look. */
export type CodeFormat = {
  readonly alphabet: string;
  /** Random characters, without the prefix. */
  readonly length: number;
  readonly prefix: string;
};

/** Digits and letters that can't be taken for one another: no 0/O, no 1/I/l. 57 of them: 58 bits in ten. */
export const defaultFormat: CodeFormat = {
  alphabet: '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  length: 10,
  prefix: '',
};

// Below it a million codes would be guessed within hours, and collide by the dozen.
export const minBits = 40;

// What needs no escaping in SOQL, CSV, JSON, HTML and addresses.
const plain = /^[A-Za-z0-9_.~-]*$/;

/** A maker of random codes, from the operating system's secure source. */
export function codeGenerator({ alphabet, length, prefix }: CodeFormat): () => string {
  const random = customAlphabet(alphabet, length);
  return () => prefix + random();
}

/** Bits of randomness in a code, where upper and lower case differ or do not. */
export function entropyBits({ alphabet, length }: CodeFormat, caseSensitive = true): number {
  const different = new Set(caseSensitive ? alphabet : alphabet.toLowerCase());
  return length * Math.log2(different.size);
}

/** What is wrong with a format, a line each with the setting's name. */
export function formatProblems(format: CodeFormat): string[] {
  const { alphabet, prefix } = format;
  const unusable = (name: string): string =>
    `${name}: only letters, digits and - _ . ~ are possible: everything else needs escaping somewhere`;
  if (!plain.test(alphabet)) return [unusable('SIGNUP_CODE_ALPHABET')];
  if (!plain.test(prefix)) return [unusable('SIGNUP_CODE_PREFIX')];
  const repeated = [...alphabet].find((character, index) => alphabet.indexOf(character) !== index);
  if (repeated !== undefined) return [`SIGNUP_CODE_ALPHABET: it names "${repeated}" twice`];
  const bits = entropyBits(format);
  if (bits >= minBits) return [];
  const needed = Math.ceil(minBits / Math.log2(alphabet.length));
  const help = Number.isFinite(needed) ? `; ${needed} characters of this alphabet are enough` : '';
  return [
    `SIGNUP_CODE_LENGTH: ${format.length} characters out of ${alphabet.length} make ${bits.toFixed(1)} bits, at least ${minBits} are needed${help}`,
  ];
}
