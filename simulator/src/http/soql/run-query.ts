import type { FieldDefinition, Org, OrgRecord } from '../../org/model.ts';
import { fieldIndex } from '../field-index.ts';
import { type ConditionContext, compileCondition, type RecordTest } from './compile-condition.ts';
import { compileGrouping, type Grouping } from './compile-grouping.ts';
import { filterValue } from './filter-value.ts';
import { type AggregateRow, groupRecords } from './group-records.ts';
import { type FieldOrdering, orderRecords } from './order-records.ts';
import { type ParentFields, parentFields } from './parent-fields.ts';
import { parseQuery } from './parse.ts';
import { QueryError, queryErrorAt } from './query-error.ts';
import { findFilterField, selectFields } from './select-fields.ts';
import type { Condition, Ordering, Query } from './syntax.ts';

/**
 * Runs a SOQL query on accounts. A condition on `Id` reads the records by id; other conditions scan all records.
 * Throws QueryError.
 */
export const runQuery = (org: QueriedOrg, text: string, options: QueryOptions): QueryResult => {
  const { context, fields, grouping, joined, matches, orderings, query } = checkQuery(org, text, options);
  const found: OrgRecord[] = [];
  for (const record of joined(candidates(org, query.where, context))) {
    if ((options.includeDeleted || !record.isDeleted) && matches(record)) found.push(record);
  }
  if (query.select.some((item) => item.kind === 'count')) {
    return { kind: 'count', totalSize: Math.min(found.length, query.limit ?? found.length) };
  }
  if (grouping) return { kind: 'aggregate', rows: groupRecords(grouping, found, query) };
  const end = query.limit === null ? found.length : query.offset + query.limit;
  return { kind: 'rows', fields, records: orderRecords(found, orderings, end).slice(query.offset) };
};

/** Parses and compiles a query without running it. Throws QueryError. */
export const checkQuery = (org: QueriedOrg, text: string, options: QueryOptions): CheckedQuery => {
  const query = parseQuery(text);
  const { index, joined } = parentFields(org, fieldIndex(org));
  assertKnownObject(query, text);
  const context: ConditionContext = {
    text,
    now: options.now,
    field: (name) => findFilterField(index, name, text),
  };
  const grouping = compileGrouping(query, index, text);
  return {
    query,
    context,
    grouping,
    joined,
    fields: grouping ? [] : selectFields(query, index, text),
    orderings: grouping ? [] : query.orderBy.map((ordering) => fieldOrdering(ordering, context)),
    matches: query.where ? compileCondition(query.where, context) : () => true,
  };
};

const fieldOrdering = ({ by, ...order }: Ordering, context: ConditionContext): FieldOrdering => {
  if (by.kind === 'field') return { ...order, field: context.field(by.field) };
  throw new QueryError('MALFORMED_QUERY', 'ordering by a function needs GROUP BY');
};

const candidates = (org: QueriedOrg, where: Condition | null, context: ConditionContext) => {
  const ids = where && wantedIds(where, context);
  if (!ids) return org.records();
  return [...ids].flatMap((id) => org.record(id) ?? []);
};

/** The ids that a condition restricts the query to, or null. */
const wantedIds = (condition: Condition, context: ConditionContext): Set<string> | null => {
  if (condition.kind === 'and') {
    for (const part of condition.parts) {
      const ids = wantedIds(part, context);
      if (ids) return ids;
    }
    return null;
  }
  const literals =
    condition.kind === 'in' && !condition.negated
      ? condition.values
      : condition.kind === 'compare' && condition.operator === '='
        ? [condition.value]
        : null;
  if (!literals || (condition.kind !== 'in' && condition.kind !== 'compare')) return null;
  const field = context.field(condition.field);
  if (field.name !== 'Id') return null;
  const ids = literals.map((literal) => filterValue(field, literal, context.text));
  return new Set(ids.filter((id) => typeof id === 'string'));
};

const assertKnownObject = ({ from }: Query, text: string): void => {
  if (from.text.toLowerCase() === 'account') return;
  const message = `sObject type '${from.text}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.`;
  throw queryErrorAt('INVALID_TYPE', message, text, from.position);
};

type CheckedQuery = {
  readonly query: Query;
  readonly context: ConditionContext;
  readonly grouping: Grouping | null;
  readonly joined: ParentFields['joined'];
  readonly fields: readonly FieldDefinition[];
  readonly orderings: readonly FieldOrdering[];
  readonly matches: RecordTest;
};

export type QueryOptions = {
  /** `queryAll`: includes deleted records. */
  readonly includeDeleted: boolean;
  /** Epoch milliseconds, for date literals such as `TODAY`. */
  readonly now: number;
};

export type QueryResult =
  | {
      readonly kind: 'rows';
      readonly fields: readonly FieldDefinition[];
      readonly records: readonly OrgRecord[];
    }
  | { readonly kind: 'count'; readonly totalSize: number }
  | { readonly kind: 'aggregate'; readonly rows: readonly AggregateRow[] };

export type QueriedOrg = Pick<Org, 'fields' | 'record' | 'records' | 'users'>;
