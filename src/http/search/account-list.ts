import { Prisma } from '../../db/generated/client.ts';
import { foldedNameSql } from '../../mirror/field-indexes.ts';
import type { MirrorTable } from '../../mirror/mirror-table.ts';
import type { AccountQuery } from '../schemas/account-query.ts';
import type { HttpDependencies } from '../server-types.ts';
import type { AccountShape } from '../views/account.ts';
import { accountColumns, accountText, decodeAccount, type StoredAccount } from '../views/account-columns.ts';
import { type AccountFilter, accountFilters, candidateTextTable } from './account-filters.ts';
import { fieldFilters } from './field-filters.ts';
import type { KeysetColumn, KeysetOrder } from './keyset.ts';
import type { SearchQuery } from './search-page.ts';
import { omitsFields, parseSelection, selectMembers } from './select-account.ts';

/** A list of accounts as described by its parameters, for a page or for the whole list. */
export type AccountList = Omit<SearchQuery, 'after' | 'limit'> & {
  /** Of the columns of the rows. */
  readonly columnsVersion: string;
  /** The JSON text of an account of the list. */
  toText(row: StoredAccount): string;
};

/** @throws Problem 400 naming an invalid parameter */
export async function describeAccountList(
  query: AccountQuery,
  { fieldNames, signupCodeField, indexedFields }: ListDependencies,
  table: MirrorTable,
): Promise<AccountList> {
  const shape: AccountShape = { fieldNames: await fieldNames(), signupCodeField };
  const selection = parseSelection(query.select, shape.fieldNames);
  const { sort = 'id', deleted = 'false' } = query;
  const filters: AccountFilter[] = [
    ...accountFilters(query),
    ...(query.fields === undefined ? [] : fieldFilters(query.fields, indexedFields, shape.fieldNames, table)),
    ...deletedFilters[deleted],
  ];
  const order = orderOf(sort);
  const candidates = candidateTextTable(filters, order);
  const roles = Object.groupBy(filters, ({ isCommon = false, bounds }) => {
    if (isCommon) return 'common';
    return bounds !== undefined && bounds === sort.replace('-', '') ? 'bounds' : 'filters';
  });
  const sqlOf = (role: keyof typeof roles) => (roles[role] ?? []).map(({ sql }) => sql);
  return {
    table: Prisma.sql`accounts`,
    columns: accountColumns(table, shape, !omitsFields(selection)),
    bounds: sqlOf('bounds'),
    filters: sqlOf('filters'),
    common: sqlOf('common'),
    order,
    ...(candidates && { candidates }),
    columnsVersion: table.version,
    toText: (row) =>
      selection === null
        ? accountText(row, shape)
        : JSON.stringify(selectMembers(decodeAccount(row, shape), selection)),
  };
}

type ListDependencies = Pick<HttpDependencies, 'fieldNames' | 'signupCodeField' | 'indexedFields'>;

function orderOf(sort: NonNullable<AccountQuery['sort']>): KeysetOrder {
  const descending = sort.startsWith('-');
  const by = columns[sort.replace(/^-/, '') as keyof typeof columns];
  // Both columns of an order are in one table, so that an index serves it.
  const id = by !== undefined && 'isJoined' in by ? 'record_id' : 'id';
  return { ...(by !== undefined && { by }), id: { sql: id, type: 'text' }, descending };
}

const deletedFilters = {
  // Few accounts are deleted; they have an index of their own.
  true: [{ sql: Prisma.sql`deleted` }],
  false: [{ sql: Prisma.sql`NOT deleted`, textSql: Prisma.sql`NOT deleted`, isCommon: true }],
  all: [],
} satisfies Record<string, AccountFilter[]>;

const columns = {
  id: undefined,
  name: { sql: foldedNameSql, type: 'text', isNullable: true },
  createdAt: { sql: 'created_at', type: 'timestamptz', isNullable: true },
  modifiedAt: { sql: 'modified_at', type: 'timestamptz', isNullable: true },
  changedAt: { sql: 'changed_at', type: 'timestamptz', isJoined: true },
  syncedAt: { sql: 'synced_at', type: 'timestamptz', isJoined: true },
} as const satisfies Record<string, KeysetColumn | undefined>;
