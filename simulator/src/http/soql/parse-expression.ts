import type { AggregateFunction, DateFunction, Expression, Name } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Reads a field, or a function of a field: `Name`, `CALENDAR_YEAR(CreatedDate)`, `MAX(Name)`. */
export const parseExpression = (reader: TokenReader): Expression => {
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

export const parseName = (reader: TokenReader): Name => {
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
