import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import type { Grouping, GroupOrdering } from './compile-grouping.ts';
import { compareValues } from './order-records.ts';
import { QueryError } from './query-error.ts';
import type { Query } from './syntax.ts';

/** One row per group, in the requested order. Without GROUP BY there is one group, even without records. */
export const groupRecords = (
  { columns, keys, orderings }: Grouping,
  records: readonly OrgRecord[],
  { limit, offset }: Pick<Query, 'limit' | 'offset'>,
): AggregateRow[] => {
  const groups = split(records, keys);
  const ordered = orderings.length === 0 ? groups : inOrder(groups, orderings);
  const page = ordered.slice(offset, limit === null ? undefined : offset + limit);
  if (page.length > maxRows) throw new QueryError('EXCEEDED_ID_LIMIT', tooManyRows);
  return page.map((group) => columns.map(({ field, name, value }) => ({ name, field, value: value(group) })));
};

const split = (records: readonly OrgRecord[], [key, ...others]: Grouping['keys']): Groups =>
  key ? [...Map.groupBy(records, key).values()].flatMap((group) => split(group, others)) : [records];

const inOrder = (groups: Groups, orderings: readonly GroupOrdering[]) =>
  groups
    .map((group) => ({ group, values: orderings.map(({ value }) => value(group)) }))
    .sort((left, right) => {
      for (const [at, ordering] of orderings.entries()) {
        const order = compareValues(left.values[at] ?? null, right.values[at] ?? null, ordering);
        if (order !== 0) return order;
      }
      return 0;
    })
    .map(({ group }) => group);

/** Aggregates have no second page. */
const maxRows = 2000;
const tooManyRows =
  'Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch';

type Groups = readonly (readonly OrgRecord[])[];

export type AggregateRow = readonly AggregateValue[];

type AggregateValue = {
  readonly name: string;
  /** Null for a number. */
  readonly field: FieldDefinition | null;
  readonly value: FieldValue;
};
