import { parseLiteral } from './parse-literal.ts';
import type { Comparison, Condition, Literal } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

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
