import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import type { FieldIndex } from '../field-index.ts';
import { aggregate } from './aggregate.ts';
import { datePart, hasDatePart } from './dates.ts';
import { comparableValue, isGroupable } from './field-value.ts';
import { QueryError, queryErrorAt } from './query-error.ts';
import { findField } from './select-fields.ts';
import type { Expression, Query } from './syntax.ts';

/** Compiles a query with aggregates or GROUP BY; null for a query of rows. */
export const compileGrouping = (query: Query, index: FieldIndex, text: string): Grouping | null => {
  const items = query.select.filter((item) => item.kind !== 'fields' && item.kind !== 'count');
  if (query.groupBy.length === 0 && items.every(({ kind }) => kind === 'field')) {
    if (items.every(({ alias }) => alias === null)) return null;
    throw new QueryError('MALFORMED_QUERY', 'only aggregate expressions use field aliasing');
  }
  if (items.length < query.select.length) {
    throw new QueryError('MALFORMED_QUERY', 'COUNT() and FIELDS() can not be grouped');
  }
  const keys = query.groupBy.map((key) => compileKey(key, index, text));
  const grouped = new Set(keys.map(({ key }) => key));
  const compile = (expression: Expression) => compileValue(expression, grouped, index, text);
  let unnamed = 0;
  const columns = items.map((item): Column => {
    const { field, isOfField, value } = compile(item);
    const defaultName = item.kind === 'field' ? (field.name.split('.').at(-1) ?? null) : null;
    const name = item.alias ?? defaultName ?? `expr${unnamed++}`;
    return { name, field: isOfField ? field : null, value };
  });
  const names = columns.map(({ name }) => name);
  const double = names.find((name, at) => names.indexOf(name) !== at);
  if (double) throw new QueryError('MALFORMED_QUERY', `duplicate alias: ${double}`);
  const orderings = query.orderBy.map(({ by, ...order }) => ({ ...order, value: compile(by).sortValue }));
  return { columns, keys: keys.map(({ value }) => value), orderings };
};

const compileKey = (expression: Expression, index: FieldIndex, text: string) => {
  const { position } = expression.field;
  const field = findField(index, expression.field, text);
  if (expression.kind === 'aggregate') {
    throw queryErrorAt('MALFORMED_QUERY', 'an aggregate can not be grouped by', text, position);
  }
  if (expression.kind === 'field' && !isGroupable(field)) {
    const message = `field '${field.name}' can not be grouped in a query call`;
    throw queryErrorAt('INVALID_FIELD', message, text, position);
  }
  if (expression.kind === 'date' && !hasDatePart(expression.function, field)) {
    const message = `${expression.function} can not be taken of field '${field.name}'`;
    throw queryErrorAt('INVALID_FIELD', message, text, position);
  }
  const value = expression.kind === 'date' ? datePart(expression.function, field) : comparableValue(field);
  return { key: keyText(expression, field), value };
};

/** A value of a group. Grouped values are equal in all its records, so the first one is used. */
const compileValue = (
  expression: Expression,
  grouped: ReadonlySet<string>,
  index: FieldIndex,
  text: string,
): CompiledValue => {
  const field = findField(index, expression.field, text);
  const isGrouped = grouped.has(keyText(expression, field));
  if (expression.kind === 'aggregate') {
    if (grouped.has(field.name)) {
      const message = `Grouped field should not be aggregated: ${field.name}`;
      throw queryErrorAt('MALFORMED_QUERY', message, text, expression.field.position);
    }
    const { function: fn } = expression;
    const value = (records: readonly OrgRecord[]) => aggregate(fn, field, records);
    return { field, isOfField: fn === 'MIN' || fn === 'MAX', value, sortValue: value };
  }
  if (!isGrouped) {
    const message = `Field must be grouped or aggregated: ${expression.field.text}`;
    throw queryErrorAt('MALFORMED_QUERY', message, text, expression.field.position);
  }
  if (expression.kind === 'date') {
    const value = ofFirst(datePart(expression.function, field));
    return { field, isOfField: false, value, sortValue: value };
  }
  const value = ofFirst(({ values }) => values[field.name] ?? null);
  return { field, isOfField: true, value, sortValue: ofFirst(comparableValue(field)) };
};

const ofFirst =
  (value: (record: OrgRecord) => FieldValue): GroupValue =>
  ([first]) =>
    first ? value(first) : null;

const keyText = (expression: Expression, { name }: FieldDefinition): string =>
  expression.kind === 'field' ? name : `${expression.function}(${name})`;

export type Grouping = {
  readonly columns: readonly Column[];
  /** Records with equal keys are one group; without keys there is one group. */
  readonly keys: readonly ((record: OrgRecord) => FieldValue)[];
  readonly orderings: readonly GroupOrdering[];
};

type Column = {
  readonly name: string;
  /** The field of these values; null for counts, sums and parts of dates, which are numbers. */
  readonly field: FieldDefinition | null;
  readonly value: GroupValue;
};

export type GroupOrdering = {
  readonly value: GroupValue;
  readonly descending: boolean;
  readonly nullsLast: boolean;
};

type CompiledValue = {
  readonly field: FieldDefinition;
  /** Whether the value has the type of the field. */
  readonly isOfField: boolean;
  readonly value: GroupValue;
  readonly sortValue: GroupValue;
};

type GroupValue = (records: readonly OrgRecord[]) => FieldValue;
