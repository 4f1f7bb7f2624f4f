import { Prisma } from '../db/generated/client.ts';
import { accountFilters } from './account-filters.ts';
import type { HttpDependencies } from './dependencies.ts';
import { fieldFilters } from './field-filters.ts';
import {
  type AccountRow,
  type AccountShape,
  accountColumns,
  accountColumnsWithoutFields,
  accountJson,
} from './json/account.ts';
import type { KeysetColumn, KeysetOrder } from './keyset.ts';
import type { AccountQuery } from './schemas/account-query.ts';
import { omitsFields, readSelection, selectFrom } from './select-account.ts';

/** A list of accounts as its parameters describe it, whether it is read page by page or as a whole. */
export type AccountList = {
  readonly select: Prisma.Sql;
  readonly where: readonly Prisma.Sql[];
  readonly order: KeysetOrder;
  /** Shows a row as the list does. */
  show(row: AccountRow): ReturnType<typeof selectFrom>;
};

/** @throws Problem 400 naming a parameter that can't be followed */
export async function describeAccountList(
  query: AccountQuery,
  { fieldNames, signupCodeField, indexedFields }: ListDependencies,
): Promise<AccountList> {
  const shape: AccountShape = { fieldNames: await fieldNames(), signupCodeField };
  const selection = readSelection(query.select, shape.fieldNames);
  const columns = omitsFields(selection) ? accountColumnsWithoutFields : accountColumns;
  return {
    select: Prisma.sql`${columns} FROM accounts`,
    where: [...accountFilters(query), ...fieldFilters(query.fields ?? {}, indexedFields, shape.fieldNames)],
    order: orderOf(query.sort ?? 'id'),
    show: (row) => selectFrom(accountJson(row, shape), selection),
  };
}

type ListDependencies = Pick<HttpDependencies, 'fieldNames' | 'signupCodeField' | 'indexedFields'>;

function orderOf(sort: NonNullable<AccountQuery['sort']>): KeysetOrder {
  const descending = sort.startsWith('-');
  const by = columns[sort.replace(/^-/, '') as keyof typeof columns];
  return { ...(by !== undefined && { by }), id: { sql: 'id', type: 'text' }, descending };
}

const columns = {
  id: undefined,
  name: { sql: 'name', type: 'text' },
  createdAt: { sql: 'created_at', type: 'timestamptz' },
  modifiedAt: { sql: 'modified_at', type: 'timestamptz' },
  changedAt: { sql: 'changed_at', type: 'timestamptz' },
  syncedAt: { sql: 'synced_at', type: 'timestamptz' },
} as const satisfies Record<string, KeysetColumn | undefined>;
