import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import { comparableValue } from './field-value.ts';

/**
 * The first `max` records in this order; equal records keep their order.
 * A short page of many records is selected without sorting all of them.
 */
export const orderRecords = (
  records: readonly OrgRecord[],
  orderings: readonly FieldOrdering[],
  max: number,
): OrgRecord[] => {
  if (orderings.length === 0 || max === 0) return records.slice(0, max);
  const comparisons = orderings.map(compareBy);
  const compare = (left: OrgRecord, right: OrgRecord): number => {
    for (const compareField of comparisons) {
      const order = compareField(left, right);
      if (order !== 0) return order;
    }
    return 0;
  };
  return pickFirst(records, compare, max);
};

/** Keeps up to twice `max` records; then sorts, truncates, and skips records after the last one kept. */
const pickFirst = (
  records: readonly OrgRecord[],
  compare: (left: OrgRecord, right: OrgRecord) => number,
  max: number,
): OrgRecord[] => {
  const picked: OrgRecord[] = [];
  let last: OrgRecord | undefined;
  for (const record of records) {
    if (last && compare(record, last) >= 0) continue;
    picked.push(record);
    if (picked.length < 2 * max) continue;
    picked.sort(compare).length = max;
    last = picked.at(-1);
  }
  return picked.sort(compare).slice(0, max);
};

const compareBy = ({ field, descending, nullsLast }: FieldOrdering) => {
  const value = comparableValue(field);
  const order = { descending, nullsLast };
  return (left: OrgRecord, right: OrgRecord): number => compareValues(value(left), value(right), order);
};

export const compareValues = (
  left: FieldValue,
  right: FieldValue,
  { descending, nullsLast }: Pick<FieldOrdering, 'descending' | 'nullsLast'>,
): number => {
  if (left === right) return 0;
  if (left === null) return nullsLast ? 1 : -1;
  if (right === null) return nullsLast ? -1 : 1;
  return left < right === descending ? 1 : -1;
};

export type FieldOrdering = {
  readonly field: FieldDefinition;
  readonly descending: boolean;
  readonly nullsLast: boolean;
};
