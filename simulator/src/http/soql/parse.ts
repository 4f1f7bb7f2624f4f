import { parseCondition } from './parse-condition.ts';
import { parseExpression, parseName } from './parse-expression.ts';
import { parseSelect } from './parse-select.ts';
import type { Expression, Ordering, Query } from './syntax.ts';
import { TokenReader } from './token-reader.ts';

/** Reads a SOQL query of the shapes the simulator knows. Throws QueryError `MALFORMED_QUERY`. */
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
