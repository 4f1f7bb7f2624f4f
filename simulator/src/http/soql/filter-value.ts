import type { FieldDefinition, FieldValue } from '../../org/model.ts';
import { isCaseSensitive, isIdField, isTextField } from './field-value.ts';
import { stringEscapes } from './parse-condition.ts';
import { type QueryError, queryErrorAt } from './query-error.ts';
import type { Literal } from './syntax.ts';

/** A literal as a comparable value of the field. Throws INVALID_FIELD if the types do not match. */
export const filterValue = (field: FieldDefinition, literal: Literal, text: string): FieldValue => {
  if (literal.kind === 'null') return null;
  if (isIdField(field)) return idValue(field, literal, text);
  if (isTextField(field)) {
    if (literal.kind !== 'string') throw misfit(field, 'string', true, literal, text);
    return (isCaseSensitive(field) ? literal.value : literal.value.toLowerCase()) || null;
  }
  const wanted = wantedLiteral(field);
  if (literal.kind !== wanted) throw misfit(field, typeNames[wanted], false, literal, text);
  return literal.value;
};

/** A LIKE pattern as a regular expression: `%` any characters, `_` one, both literal after `\`. */
export const likePattern = (field: FieldDefinition, literal: Literal, text: string): RegExp => {
  if (literal.kind !== 'string' || !(isTextField(field) || isIdField(field))) {
    throw queryErrorAt(
      'INVALID_FIELD',
      `invalid operator on ${field.type} field`,
      text,
      Math.max(0, literal.position),
    );
  }
  const pattern = literal.raw.replace(/\\(.)|[\s\S]/gs, (whole, escaped: string | undefined) => {
    if (escaped) return RegExp.escape(stringEscapes.get(escaped.toLowerCase()) ?? escaped);
    return whole === '%' ? '[^]*' : whole === '_' ? '[^]' : RegExp.escape(whole);
  });
  return new RegExp(`^${pattern}$`, isCaseSensitive(field) ? 'u' : 'iu');
};

const idValue = (field: FieldDefinition, literal: Literal, text: string): string | null => {
  if (literal.kind !== 'string') throw misfit(field, 'ID', true, literal, text);
  if (literal.value === '') return null;
  if (!/^[a-zA-Z\d]{15}(?:[a-zA-Z\d]{3})?$/.test(literal.value)) {
    const message = `invalid ID field: ${literal.value}`;
    throw queryErrorAt('INVALID_QUERY_FILTER_OPERATOR', message, text, literal.position);
  }
  return literal.value.slice(0, 15);
};

const wantedLiteral = ({ type }: FieldDefinition): keyof typeof typeNames =>
  type === 'boolean' || type === 'date' || type === 'datetime' || type === 'time' ? type : 'number';

const misfit = (
  field: FieldDefinition,
  type: string,
  quoted: boolean,
  literal: Literal,
  text: string,
): QueryError =>
  queryErrorAt(
    'INVALID_FIELD',
    `value of filter criterion for field '${field.name}' must be of type ${type} and should ${quoted ? '' : 'not '}be enclosed in quotes`,
    text,
    literal.position,
  );

const typeNames = {
  boolean: 'boolean',
  date: 'date',
  datetime: 'dateTime',
  time: 'time',
  number: 'double',
} as const;
