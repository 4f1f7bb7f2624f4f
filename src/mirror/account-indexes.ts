import { foldedNameSql } from './field-indexes.ts';
import { type MirrorTable, quoted } from './mirror-table.ts';

/** An index of the table of accounts. */
export type AccountIndex = { readonly name: string; readonly definition: string };

/** The indexes for the filters and the order of accounts. */
export function accountIndexes({ sql, byPath, codeField }: MirrorTable): AccountIndex[] {
  const columnOf = (path: string): string => quoted(byPath.get(path)?.name ?? 'additional_fields');
  const on = (columns: string): string => `${sql} (${columns})`;
  return [
    // Names in any case: sorted, whole and by prefix.
    { name: 'account_name_folded', definition: on(`${foldedNameSql}, id`) },
    { name: 'account_number', definition: on(columnOf('AccountNumber')) },
    { name: 'account_created', definition: on(`${columnOf('CreatedDate')}, id`) },
    { name: 'account_modified', definition: on(`${columnOf('LastModifiedDate')}, id`) },
    { name: 'account_deleted', definition: `${on('id')} where isdeleted` },
    ...(byPath.get(codeField)?.type === 'text'
      ? [
          {
            name: 'account_code',
            definition: `${on(columnOf(codeField))} where ${columnOf(codeField)} is not null`,
          },
        ]
      : []),
  ];
}
