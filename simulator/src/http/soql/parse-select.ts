import { parseExpression, parseName } from './parse-expression.ts';
import type { FieldGroup, SelectItem } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Reads what stands between SELECT and FROM. */
export const parseSelect = (reader: TokenReader): SelectItem[] => {
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
