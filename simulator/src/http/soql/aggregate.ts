import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import { comparableValue } from './field-value.ts';
import type { AggregateFunction } from './syntax.ts';

/** One aggregate of records. Empty values do not count; without values, all but the counts are null. */
export const aggregate = (
  fn: AggregateFunction,
  field: FieldDefinition,
  records: readonly OrgRecord[],
): FieldValue => {
  switch (fn) {
    case 'COUNT':
      return filledValues(field, records).length;
    case 'COUNT_DISTINCT':
      return new Set(filledValues(field, records)).size;
    case 'MAX':
      return extreme(field, records, (left, right) => left > right);
    case 'MIN':
      return extreme(field, records, (left, right) => left < right);
    case 'SUM':
      return sum(filledValues(field, records));
    case 'AVG': {
      const values = filledValues(field, records);
      const total = sum(values);
      return total === null ? null : total / values.length;
    }
  }
};

const filledValues = (field: FieldDefinition, records: readonly OrgRecord[]): FieldValue[] =>
  records.map(comparableValue(field)).filter((value) => value !== null);

const extreme = (
  field: FieldDefinition,
  records: readonly OrgRecord[],
  wins: (left: string | number | boolean, right: string | number | boolean) => boolean,
): FieldValue => {
  const value = comparableValue(field);
  let best: OrgRecord | undefined;
  let bestValue: FieldValue = null;
  for (const record of records) {
    const candidate = value(record);
    if (candidate === null || (bestValue !== null && !wins(candidate, bestValue))) continue;
    best = record;
    bestValue = candidate;
  }
  return best?.values[field.name] ?? bestValue;
};

const sum = (values: readonly FieldValue[]): number | null =>
  values.length === 0 ? null : values.reduce<number>((total, value) => total + Number(value), 0);
