import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Choice, TextField } from '../components/field.tsx';
import { AccountLink } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import type { Column } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { place, setQuery } from '../router.ts';

type Account = Schemas['ListedAccount'];
type CodeState = NonNullable<Account['codeState']>;

/** Search and filters of the mirrored accounts; they are in the URL. */
export function AccountsPage() {
  const { query } = place.value;
  const filters = {
    q: query.get('q') ?? '',
    codeState: query.get('codeState') ?? '',
    deleted: query.get('deleted') ?? 'false',
    sort: query.get('sort') ?? '-changedAt',
  };
  const isFiltered = filters.q !== '' || filters.codeState !== '' || filters.deleted !== 'false';
  return (
    <Page title="Accounts">
      <search class="filters">
        <TextField
          label="Search"
          type="search"
          placeholder="Name, number, code, phone, website"
          value={filters.q}
          delayMs={250}
          onChange={(q) => setQuery({ q })}
        />
        <Choice
          label="Code"
          value={filters.codeState}
          onChange={(codeState) => setQuery({ codeState })}
          options={[['', 'Any state'], 'none', 'pending', 'written', 'confirmed', 'failed']}
        />
        <Choice
          label="Show"
          value={filters.deleted}
          onChange={(deleted) => setQuery({ deleted: deleted === 'false' ? '' : deleted })}
          options={[
            ['false', 'Active accounts'],
            ['true', 'Deleted accounts'],
            ['all', 'All accounts'],
          ]}
        />
        <Choice
          label="Order"
          value={filters.sort}
          onChange={(sort) => setQuery({ sort: sort === '-changedAt' ? '' : sort })}
          options={[
            ['-changedAt', 'Last changed first'],
            ['-createdAt', 'Newest first'],
            ['name', 'By name'],
          ]}
        />
      </search>
      <PagedTable<Account>
        label="Accounts"
        listKey={[filters]}
        read={(paging, signal) =>
          body(
            api.GET('/v1/accounts', {
              signal,
              params: {
                query: {
                  ...paging,
                  select:
                    'name,accountNumber,signupCode,pendingSignupCode,codeState,changedAt,deletedAt,stale',
                  sort: filters.sort as '-changedAt',
                  deleted: filters.deleted as 'false',
                  ...(filters.q !== '' && { q: filters.q }),
                  ...(filters.codeState !== '' && { codeState: filters.codeState as CodeState }),
                },
              },
            }),
          )
        }
        keyOf={({ id }) => id}
        columns={columns}
        empty={
          isFiltered
            ? 'No account matches these filters.'
            : 'No accounts yet. They appear when the initial load has read them from Salesforce.'
        }
      />
    </Page>
  );
}

const columns: readonly Column<Account>[] = [
  { head: 'Name', cell: ({ id, name }) => <AccountLink id={id} name={name ?? null} /> },
  { head: 'Number', isSecondary: true, cell: ({ accountNumber }) => accountNumber ?? '–' },
  {
    head: 'Code',
    cell: ({ signupCode, pendingSignupCode }) => <code>{signupCode ?? pendingSignupCode ?? '–'}</code>,
  },
  { head: 'State', cell: ({ codeState }) => <State value={codeState ?? 'none'} /> },
  {
    head: 'Changed',
    isSecondary: true,
    cell: ({ changedAt, deletedAt, stale }) => (
      <>
        <Ago time={changedAt} />
        {deletedAt && ', deleted'}
        {stale && ', stale'}
      </>
    ),
  },
  { head: 'Id', isSecondary: true, cell: ({ id }) => <span class="id">{id}</span> },
];
