import type { Literal } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Parses a literal: string, number, boolean, null, date, datetime or a date literal such as `TODAY`. */
export const parseLiteral = (reader: TokenReader): Literal => {
  const { kind, text, position } = reader.current;
  switch (kind) {
    case 'string':
      reader.next();
      return { kind: 'string', value: unescapeString(reader, text, position), raw: text, position };
    case 'number':
      reader.next();
      return { kind: 'number', value: Number(text), position };
    case 'date':
    case 'datetime': {
      const value = epochMilliseconds(text);
      if (value === null) throw reader.malformed(`invalid ${kind}: ${text}`);
      reader.next();
      return { kind, value, position };
    }
    case 'word':
      return parseWord(reader, text, position);
    default:
      throw reader.unexpected();
  }
};

const parseWord = (reader: TokenReader, text: string, position: number): Literal => {
  const [word = '', count] = text.toUpperCase().split(':');
  if (word === 'TRUE' || word === 'FALSE') {
    reader.next();
    return { kind: 'boolean', value: word === 'TRUE', position };
  }
  if (word === 'NULL') {
    reader.next();
    return { kind: 'null', position };
  }
  const counted = countedRanges.has(word);
  if (counted !== (count !== undefined) || !(counted || plainRanges.has(word))) throw reader.unexpected();
  reader.next();
  return { kind: 'range', name: word, count: Number(count ?? 0), position };
};

/** Parses a date or datetime literal; `null` for a day that does not exist. */
const epochMilliseconds = (text: string): number | null => {
  const colon = text.toUpperCase().replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  const value = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : colon);
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const exists = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
  return Number.isNaN(value) || !exists ? null : value;
};

const unescapeString = (reader: TokenReader, raw: string, position: number): string =>
  raw.replace(/\\(?:u([\da-f]{4})|(.))/gis, (whole, unicode: string | undefined, character: string) => {
    if (unicode) return String.fromCharCode(Number.parseInt(unicode, 16));
    const value = escapes.get(character) ?? escapes.get(character.toLowerCase());
    if (value === undefined) throw reader.malformed(`invalid string escape: ${whole}`, position);
    return value;
  });

const escapes = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['b', '\b'],
  ['f', '\f'],
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['_', '_'],
  ['%', '%'],
]);

const plainRanges = new Set(['TODAY', 'YESTERDAY', 'TOMORROW']);
const countedRanges = new Set(['LAST_N_DAYS', 'NEXT_N_DAYS', 'N_DAYS_AGO']);
