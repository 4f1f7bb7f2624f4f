import { parseCondition } from './parse-condition.ts';
import type {
  AggregateFunction,
  DateFunction,
  Expression,
  FieldGroup,
  Name,
  Ordering,
  Query,
  SelectItem,
} from './syntax.ts';
import { TokenReader } from './tokenize.ts';

/** Parses a SOQL query. Throws QueryError `MALFORMED_QUERY` if it is invalid or not supported. */
export const parseQuery = (text: string): Query => {
  const reader = new TokenReader(text);
  reader.expect('SELECT');
  const select = parseSelect(reader);
  reader.expect('FROM');
  const from = parseName(reader);
  const where = reader.take('WHERE') ? parseCondition(reader) : null;
  refuseUnsupported(reader);
  const groupBy = parseGroupBy(reader);
  refuseUnsupported(reader);
  const orderBy = parseOrderBy(reader);
  const limit = reader.take('LIMIT') ? parseCount(reader) : null;
  const offset = reader.take('OFFSET') ? parseCount(reader) : 0;
  if (reader.current.kind !== 'end') throw reader.unexpected();
  return { select, from, where, groupBy, orderBy, limit, offset };
};

const refuseUnsupported = (reader: TokenReader): void => {
  for (const clause of unsupportedClauses) {
    if (reader.is(clause)) throw reader.malformed(`${clause} is not supported by this simulator`);
  }
};

const parseGroupBy = (reader: TokenReader): Expression[] => {
  if (!reader.take('GROUP')) return [];
  reader.expect('BY');
  const groups = [parseExpression(reader)];
  while (reader.take(',')) groups.push(parseExpression(reader));
  return groups;
};

const parseOrderBy = (reader: TokenReader): Ordering[] => {
  if (!reader.take('ORDER')) return [];
  reader.expect('BY');
  const orderings = [parseOrdering(reader)];
  while (reader.take(',')) orderings.push(parseOrdering(reader));
  return orderings;
};

const parseOrdering = (reader: TokenReader): Ordering => {
  const by = parseExpression(reader);
  const descending = reader.take('DESC');
  if (!descending) reader.take('ASC');
  if (!reader.take('NULLS')) return { by, descending, nullsLast: false };
  const nullsLast = reader.take('LAST');
  if (!nullsLast) reader.expect('FIRST');
  return { by, descending, nullsLast };
};

const parseCount = (reader: TokenReader): number => {
  const { kind, text } = reader.current;
  if (kind !== 'number' || !/^\d{1,9}$/.test(text)) throw reader.unexpected();
  reader.next();
  return Number(text);
};

const unsupportedClauses = ['HAVING', 'WITH', 'USING', 'FOR'];

/** Parses the list between SELECT and FROM. */
const parseSelect = (reader: TokenReader): SelectItem[] => {
  const items = [parseItem(reader)];
  while (reader.take(',')) items.push(parseItem(reader));
  if (items.length > 1 && items.some((item) => item.kind === 'count')) {
    throw reader.malformed('COUNT() must be the only element of the SELECT list');
  }
  return items;
};

const parseItem = (reader: TokenReader): SelectItem => {
  const { position } = reader.current;
  if (reader.isBefore('(') && reader.is('FIELDS')) return parseFields(reader);
  if (reader.isBefore('(') && reader.is('COUNT') && reader.isBefore(')', 2)) {
    for (let count = 0; count < 3; count += 1) reader.next();
    return { kind: 'count', position };
  }
  const expression = parseExpression(reader);
  const alias = reader.current.kind === 'word' && !reader.is('FROM') ? reader.next().text : null;
  return { ...expression, alias };
};

const parseFields = (reader: TokenReader): SelectItem => {
  const { position } = reader.next();
  reader.expect('(');
  const { position: at, text } = parseName(reader);
  reader.expect(')');
  const group = fieldGroups.find((name) => name === text.toUpperCase());
  if (!group) throw reader.malformed(`unknown group of fields: ${text}`, at);
  return { kind: 'fields', group, position };
};

const fieldGroups: readonly FieldGroup[] = ['ALL', 'STANDARD', 'CUSTOM'];

/** Parses a field or a function of a field: `Name`, `CALENDAR_YEAR(CreatedDate)`, `MAX(Name)`. */
const parseExpression = (reader: TokenReader): Expression => {
  if (!reader.isBefore('(')) return { kind: 'field', field: parseName(reader) };
  const { position, text } = reader.word();
  const name = text.toUpperCase();
  reader.expect('(');
  const field = parseName(reader);
  reader.expect(')');
  const aggregate = aggregateFunctions.find((each) => each === name);
  if (aggregate) return { kind: 'aggregate', function: aggregate, field };
  const date = dateFunctions.find((each) => each === name);
  if (date) return { kind: 'date', function: date, field };
  throw reader.malformed(`unknown function: ${name}`, position);
};

const parseName = (reader: TokenReader): Name => {
  const { text, position } = reader.word();
  return { text, position };
};

const aggregateFunctions: readonly AggregateFunction[] = [
  'COUNT',
  'COUNT_DISTINCT',
  'MAX',
  'MIN',
  'SUM',
  'AVG',
];
const dateFunctions: readonly DateFunction[] = [
  'CALENDAR_YEAR',
  'CALENDAR_MONTH',
  'DAY_IN_MONTH',
  'HOUR_IN_DAY',
];
