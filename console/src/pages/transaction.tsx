import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Facts } from '../components/facts.tsx';
import { AccountLink, Link } from '../components/link.tsx';
import { Page, Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Moment } from '../components/time.tsx';
import { useQuery } from '../query.ts';
import { Changes } from './account-history.tsx';
import { clientOf } from './origin.tsx';

type TransactionEvent = Schemas['TransactionEvent'];

/** A Salesforce transaction with the changes to each account. */
export function TransactionPage({ id: key }: { readonly id: string }) {
  const read = (paging: { readonly limit: number; readonly cursor?: string }, signal: AbortSignal) =>
    body(api.GET('/v1/transactions/{key}', { signal, params: { path: { key }, query: paging } }));
  const summary = useQuery((signal) => read({ limit: 1 }, signal), [key]);
  return (
    <Page title="Transaction">
      <QueryView query={summary}>
        {({ complete, commitTimestamp, commitUser, changeOrigin }) => (
          <Facts
            items={[
              ['Key', <span class="id">{key}</span>],
              ['Complete', complete ? 'yes: all of its events are applied' : 'not yet'],
              ['Committed', <Moment time={commitTimestamp} />],
              ['By user', <span class="id">{commitUser ?? '–'}</span>],
              ['Client', changeOrigin ? clientOf(changeOrigin) : '–'],
            ]}
          />
        )}
      </QueryView>
      <Section title="Events">
        <PagedTable<TransactionEvent>
          label="Events of the transaction"
          listKey={[key]}
          read={read}
          keyOf={({ id }) => id}
          empty="The log has no event of this transaction."
          columns={[
            { head: 'No.', isNumber: true, cell: ({ sequenceNumber }) => sequenceNumber },
            {
              head: 'Event',
              cell: ({ id, changeType, entityName }) => (
                <Link to={`/events/${id}`}>
                  {changeType} {entityName}
                </Link>
              ),
            },
            { head: 'State', cell: ({ state }) => <State value={state} /> },
            {
              head: 'Changes',
              cell: ({ accounts }) =>
                accounts.map(({ id, changes }) => (
                  <div key={id}>
                    <AccountLink id={id} /> <Changes changes={changes} />
                  </div>
                )),
            },
          ]}
        />
      </Section>
    </Page>
  );
}
