import { api, body, type Schemas } from '../api.ts';
import { Link } from '../components/link.tsx';
import { Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Moment } from '../components/time.tsx';
import { formatValue } from '../format.ts';
import { OriginOf } from './origin.tsx';

type AccountEvent = Schemas['AccountEvent'];
type FieldChange = Schemas['FieldChange'];

/** The changes of an account, newest first, with each field before and after. */
export function AccountHistory({ id }: { readonly id: string }) {
  return (
    <Section title="History" actions={<Link to={`/events?recordId=${id}`}>All events of this account</Link>}>
      <PagedTable<AccountEvent>
        label="History"
        listKey={[id]}
        limit={20}
        read={(paging, signal) =>
          body(api.GET('/v1/accounts/{id}/events', { signal, params: { path: { id }, query: paging } }))
        }
        keyOf={({ version }) => version}
        empty="No change of this account is stored yet."
        columns={[
          { head: 'Committed', cell: ({ commitTimestamp }) => <Moment time={commitTimestamp} /> },
          { head: 'By', cell: (change) => <OriginOf change={change} /> },
          { head: 'Changes', cell: ({ changes }) => <Changes changes={changes} /> },
          {
            head: 'Transaction',
            isSecondary: true,
            cell: ({ transactionKey }) =>
              transactionKey === null ? (
                '–'
              ) : (
                <Link to={`/transactions/${transactionKey}`} class="id">
                  {transactionKey.slice(0, 8)}…
                </Link>
              ),
          },
        ]}
      />
    </Section>
  );
}

const maxOpen = 6;

/** Fields with their values before and after; many of them are folded. */
export function Changes({ changes }: { readonly changes: readonly FieldChange[] }) {
  const list = (
    <ul class="changes">
      {changes.map(({ field, before, after }) => (
        <li key={field}>
          {field}: <del>{before === undefined ? '?' : formatValue(before)}</del> →{' '}
          <ins>{formatValue(after)}</ins>
        </li>
      ))}
    </ul>
  );
  if (changes.length === 0) return <span class="quiet">no field changed</span>;
  if (changes.length <= maxOpen) return list;
  return (
    <details>
      <summary>{changes.length} fields</summary>
      {list}
    </details>
  );
}
