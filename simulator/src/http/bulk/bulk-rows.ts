import { isCompound } from '../../org/compound-fields.ts';
import { ApiError } from '../api-error.ts';
import { parseQuery } from '../soql/parse.ts';
import {
  checkQuery,
  type QueriedOrg,
  type QueryOptions,
  type QueryResult,
  runQuery,
} from '../soql/run-query.ts';
import type { SelectItem } from '../soql/syntax.ts';
import { tokenize } from '../soql/tokenize.ts';

/** Throws for a query that is invalid or not supported by the Bulk API. */
export const assertBulkQuery = (org: QueriedOrg, text: string, options: QueryOptions): void => {
  for (const [token, next] of pairs(tokenize(text))) {
    if (token?.text === '(' && next?.text.toUpperCase() === 'SELECT') throw refused(refusals.SUBQUERY);
    if (token?.kind !== 'word') continue;
    const word = token.text.toUpperCase();
    if (word === 'GROUP' || word === 'OFFSET' || word === 'TYPEOF') throw refused(refusals[word]);
  }
  const { select } = parseQuery(text);
  if (select.some(({ kind }) => unsupported.has(kind))) throw refused(refusals.AGGREGATE);
  const { fields } = checkQuery(org, text, options);
  if (fields.some(isCompound)) throw refused(refusals.COMPOUND);
};

/** The rows of a query that passed `assertBulkQuery`. Throws QueryError if the fields have changed since. */
export const bulkRows = (org: QueriedOrg, text: string, options: QueryOptions): QueryRows => {
  const result = runQuery(org, text, options);
  if (result.kind !== 'rows') throw new Error(`a bulk query has no rows but a ${result.kind}`);
  return result;
};

const pairs = <Item>(items: readonly Item[]) => items.map((item, at) => [item, items[at + 1]] as const);

const refused = (message: string) => new ApiError(400, 'API_ERROR', message);

const unsupported = new Set<SelectItem['kind']>(['count', 'aggregate', 'date']);

const refusals = {
  COMPOUND: 'Selecting compound data not supported in Bulk Query',
  SUBQUERY: 'Aggregate Relationships not supported in Bulk V2 Query with CSV content type',
  AGGREGATE: 'Aggregate functions not supported in Bulk V2 Query',
  GROUP: 'Group By not supported in Bulk V2 Query',
  OFFSET: 'Offset not supported in Bulk V2 Query',
  TYPEOF: 'Typeof not supported in Bulk V2 Query',
} as const;

export type QueryRows = Extract<QueryResult, { readonly kind: 'rows' }>;
