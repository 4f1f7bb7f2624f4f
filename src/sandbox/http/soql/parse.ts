import { parseCondition } from './parse-condition.ts';
import type { AggregateFunction, FieldGroup, Name, Ordering, Query, SelectItem } from './syntax.ts';
import { TokenReader } from './token-reader.ts';

/** Reads a SOQL query of the shapes the sandbox knows. Throws QueryError `MALFORMED_QUERY`. */
export const parseQuery = (text: string): Query => {
  const reader = new TokenReader(text);
  reader.expect('SELECT');
  const select = parseSelect(reader);
  reader.expect('FROM');
  const from = parseName(reader);
  const where = reader.take('WHERE') ? parseCondition(reader) : null;
  for (const clause of unsupportedClauses) {
    if (reader.is(clause)) throw reader.malformed(`${clause} is not supported by this sandbox`);
  }
  const orderBy = parseOrderBy(reader);
  const limit = reader.take('LIMIT') ? parseCount(reader) : null;
  const offset = reader.take('OFFSET') ? parseCount(reader) : 0;
  if (reader.current.kind !== 'end') throw reader.unexpected();
  return { select, from, where, orderBy, limit, offset };
};

const parseSelect = (reader: TokenReader): SelectItem[] => {
  const items = [parseSelectItem(reader)];
  while (reader.take(',')) items.push(parseSelectItem(reader));
  const [first, second] = items;
  if (items.length > 1 && items.some((item) => item.kind === 'count')) {
    throw reader.malformed('COUNT() must be the only element of the SELECT list');
  }
  const mixed = items.find((item) => (item.kind === 'aggregate') !== (first?.kind === 'aggregate'));
  if (mixed && second)
    throw reader.malformed('fields beside aggregates need GROUP BY, which is not supported');
  return items;
};

const parseSelectItem = (reader: TokenReader): SelectItem => {
  const position = reader.current.position;
  if (!reader.isBefore('(')) return { kind: 'field', name: parseName(reader) };
  const functionName = reader.word().text.toUpperCase();
  reader.expect('(');
  if (functionName === 'COUNT' && reader.take(')')) return { kind: 'count', position };
  const argument = parseName(reader);
  reader.expect(')');
  if (functionName === 'FIELDS') {
    const group = fieldGroups.find((name) => name === argument.text.toUpperCase());
    if (!group) throw reader.malformed(`unknown group of fields: ${argument.text}`, argument.position);
    return { kind: 'fields', group, position };
  }
  const aggregate = aggregateFunctions.find((name) => name === functionName);
  if (!aggregate) throw reader.malformed(`unknown function: ${functionName}`, position);
  const alias = reader.current.kind === 'word' && !reader.is('FROM') ? reader.next().text : null;
  return { kind: 'aggregate', function: aggregate, field: argument, alias };
};

const parseOrderBy = (reader: TokenReader): Ordering[] => {
  if (!reader.take('ORDER')) return [];
  reader.expect('BY');
  const orderings = [parseOrdering(reader)];
  while (reader.take(',')) orderings.push(parseOrdering(reader));
  return orderings;
};

const parseOrdering = (reader: TokenReader): Ordering => {
  const field = parseName(reader);
  const descending = reader.take('DESC');
  if (!descending) reader.take('ASC');
  if (!reader.take('NULLS')) return { field, descending, nullsLast: false };
  const nullsLast = reader.take('LAST');
  if (!nullsLast) reader.expect('FIRST');
  return { field, descending, nullsLast };
};

const parseCount = (reader: TokenReader): number => {
  const { kind, text } = reader.current;
  if (kind !== 'number' || !/^\d{1,9}$/.test(text)) throw reader.unexpected();
  reader.next();
  return Number(text);
};

const parseName = (reader: TokenReader): Name => {
  const { text, position } = reader.word();
  return { text, position };
};

const fieldGroups: readonly FieldGroup[] = ['ALL', 'STANDARD', 'CUSTOM'];
const aggregateFunctions: readonly AggregateFunction[] = [
  'COUNT',
  'COUNT_DISTINCT',
  'MAX',
  'MIN',
  'SUM',
  'AVG',
];
const unsupportedClauses = ['GROUP', 'HAVING', 'WITH', 'USING', 'FOR'];
