import type { Comparison, Condition, Literal } from './syntax.ts';
import type { TokenReader } from './tokenize.ts';

/** Parses the condition after WHERE. Mixed AND and OR need parentheses, as in Salesforce. */
export const parseCondition = (reader: TokenReader, depth = 0): Condition => {
  if (depth > maxDepth) throw reader.malformed('the condition is nested too deeply');
  const first = parsePart(reader, depth);
  const kind = reader.is('AND') ? 'and' : reader.is('OR') ? 'or' : null;
  if (kind === null) return first;
  const parts = [first];
  while (reader.take(kind.toUpperCase())) parts.push(parsePart(reader, depth));
  return { kind, parts };
};

const parsePart = (reader: TokenReader, depth: number): Condition => {
  if (reader.take('NOT')) {
    if (depth > maxDepth) throw reader.malformed('the condition is nested too deeply');
    return { kind: 'not', part: parsePart(reader, depth + 1) };
  }
  if (!reader.take('(')) return parseComparison(reader);
  const inner = parseCondition(reader, depth + 1);
  reader.expect(')');
  return inner;
};

const parseComparison = (reader: TokenReader): Condition => {
  const { text, position } = reader.word();
  const field = { text, position };
  if (reader.take('IN')) return { kind: 'in', field, negated: false, values: parseList(reader) };
  if (reader.take('NOT')) {
    reader.expect('IN');
    return { kind: 'in', field, negated: true, values: parseList(reader) };
  }
  const operator = comparisons.get(reader.current.text.toUpperCase());
  if (!operator || reader.current.kind === 'string') throw reader.unexpected();
  reader.next();
  return { kind: 'compare', field, operator, value: parseLiteral(reader) };
};

const parseList = (reader: TokenReader): Literal[] => {
  reader.expect('(');
  const values = [parseLiteral(reader)];
  while (reader.take(',')) values.push(parseLiteral(reader));
  reader.expect(')');
  return values;
};

const comparisons = new Map<string, Comparison>([
  ['=', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
  ['LIKE', 'LIKE'],
]);

const maxDepth = 50;

/** Parses a literal: string, number, boolean, null, date, datetime or a date literal such as `TODAY`. */
const parseLiteral = (reader: TokenReader): Literal => {
  const { kind, text, position } = reader.current;
  switch (kind) {
    case 'string':
      reader.next();
      return { kind: 'string', value: unescapeString(reader, text, position), raw: text, position };
    case 'number':
      reader.next();
      return { kind: 'number', value: Number(text), position };
    case 'date':
    case 'datetime':
    case 'time': {
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

/** Parses a date, datetime or time literal; `null` for a day that does not exist. */
const epochMilliseconds = (literal: string): number | null => {
  const text = literal.includes('-') ? literal : `1970-01-01T${literal}`;
  const colon = text.toUpperCase().replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  const value = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : colon);
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const exists = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
  return Number.isNaN(value) || !exists ? null : value;
};

const unescapeString = (reader: TokenReader, raw: string, position: number): string =>
  raw.replace(/\\(?:u([\da-f]{4})|(.))/gis, (whole, unicode: string | undefined, character: string) => {
    if (unicode) return String.fromCharCode(Number.parseInt(unicode, 16));
    const value = stringEscapes.get(character) ?? stringEscapes.get(character.toLowerCase());
    if (value === undefined) throw reader.malformed(`invalid string escape: ${whole}`, position);
    return value;
  });

export const stringEscapes = new Map([
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
