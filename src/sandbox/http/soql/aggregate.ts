import type { FieldDefinition, FieldValue, OrgRecord } from '../../model.ts';
import { comparableValue } from './field-value.ts';
import type { AggregateFunction } from './syntax.ts';

/** One aggregate over all records. Empty values do not count; of nothing, all but the counts are null. */
export const aggregate = (
  fn: AggregateFunction,
  field: FieldDefinition,
  records: readonly OrgRecord[],
): FieldValue => {
  const value = comparableValue(field);
  const filled = records.filter((record) => value(record) !== null);
  switch (fn) {
    case 'COUNT':
      return filled.length;
    case 'COUNT_DISTINCT':
      return new Set(filled.map(value)).size;
    case 'MAX':
      return extreme(field, filled, (left, right) => left > right);
    case 'MIN':
      return extreme(field, filled, (left, right) => left < right);
    case 'SUM':
      return filled.length === 0 ? null : sum(filled.map(value));
    case 'AVG':
      return filled.length === 0 ? null : sum(filled.map(value)) / filled.length;
  }
};

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

const sum = (values: readonly FieldValue[]): number =>
  values.reduce<number>((total, value) => total + Number(value), 0);
