import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import { type DateRange, dateRange } from './dates.ts';
import { comparableValue } from './field-value.ts';
import { filterValue, likePattern } from './filter-value.ts';
import { queryErrorAt } from './query-error.ts';
import type { Comparison, Condition, Literal } from './syntax.ts';

/** Compiles a condition to a test of one record. An empty field is unequal to every value, and neither less nor greater. */
export const compileCondition = (condition: Condition, context: ConditionContext): RecordTest => {
  switch (condition.kind) {
    case 'and': {
      const tests = condition.parts.map((part) => compileCondition(part, context));
      return (record) => tests.every((test) => test(record));
    }
    case 'or': {
      const tests = condition.parts.map((part) => compileCondition(part, context));
      return (record) => tests.some((test) => test(record));
    }
    case 'not': {
      const test = compileCondition(condition.part, context);
      return (record) => !test(record);
    }
    case 'in': {
      const field = context.field(condition.field);
      const value = comparableValue(field);
      const wanted = new Set(condition.values.map((literal) => filterValue(field, literal, context.text)));
      return (record) => wanted.has(value(record)) !== condition.negated;
    }
    case 'compare':
      return compileComparison(context.field(condition.field), condition.operator, condition.value, context);
  }
};

const compileComparison = (
  field: FieldDefinition,
  operator: Comparison,
  literal: Literal,
  context: ConditionContext,
): RecordTest => {
  const value = comparableValue(field);
  if (operator === 'LIKE') {
    const pattern = likePattern(field, literal, context.text);
    return ({ values }) => {
      const text = values[field.name];
      return typeof text === 'string' && pattern.test(text);
    };
  }
  if (literal.kind === 'range') {
    if (field.type !== 'date' && field.type !== 'datetime') {
      throw queryErrorAt(
        'INVALID_FIELD',
        `unexpected token: ${literal.name}`,
        context.text,
        literal.position,
      );
    }
    const test = rangeTest(operator, dateRange(literal.name, literal.count, context.now));
    return (record) => test(value(record));
  }
  const test = valueTest(operator, filterValue(field, literal, context.text));
  return (record) => test(value(record));
};

const valueTest = (operator: ValueComparison, wanted: FieldValue): ValueTest => {
  if (operator === '=') return (value) => value === wanted;
  if (operator === '!=') return (value) => value !== wanted;
  if (wanted === null) return () => false;
  const test = orderTests[operator];
  return (value) => value !== null && test(value, wanted);
};

/** Before a range is less, after it is greater, within it is equal. */
const rangeTest = (operator: ValueComparison, { from, to }: DateRange): ValueTest => {
  const isInside: ValueTest = (value) => typeof value === 'number' && value >= from && value < to;
  if (operator === '=') return isInside;
  if (operator === '!=') return (value) => !isInside(value);
  const bound = operator === '<' || operator === '>=' ? from : to;
  const test =
    operator === '>' ? orderTests['>='] : operator === '<=' ? orderTests['<'] : orderTests[operator];
  return (value) => typeof value === 'number' && test(value, bound);
};

type Comparable = string | number | boolean;
const orderTests = {
  '<': (left: Comparable, right: Comparable) => left < right,
  '<=': (left: Comparable, right: Comparable) => left <= right,
  '>': (left: Comparable, right: Comparable) => left > right,
  '>=': (left: Comparable, right: Comparable) => left >= right,
};

type ValueComparison = Exclude<Comparison, 'LIKE'>;

export type RecordTest = (record: OrgRecord) => boolean;

export type ConditionContext = {
  /** The query, for error messages. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Finds a field that may be filtered, or throws INVALID_FIELD. */
  field(name: { readonly text: string; readonly position: number }): FieldDefinition;
};

type ValueTest = (value: FieldValue) => boolean;
