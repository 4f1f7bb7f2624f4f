import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { Choice } from '../components/field.tsx';
import { AccountLink, Link } from '../components/link.tsx';
import { Page, Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Ago, Moment } from '../components/time.tsx';
import { plural } from '../format.ts';
import { place, setQuery } from '../router.ts';
import { FailedEvents } from './failed-events.tsx';
import { startResync } from './start-resync.tsx';

type Incident = Schemas['Incident'];

/** Known gaps and their repairs, then events that could not be applied. */
export function IncidentsPage() {
  const state = place.value.query.get('state') ?? '';
  return (
    <Page title="Incidents and failed events">
      <FailedEvents />
      <Section title="Incidents">
        <div class="filters">
          <Choice
            label="State"
            value={state}
            onChange={(value) => setQuery({ state: value })}
            options={[['', 'Any state'], 'open', 'repairing', 'closed']}
          />
        </div>
        <PagedTable<Incident>
          label="Incidents"
          listKey={[state]}
          everyMs={5_000}
          read={(paging, signal) => {
            const query = { ...paging, ...(state !== '' && { state: state as 'open' }) };
            return body(api.GET('/v1/incidents', { signal, params: { query } }));
          }}
          keyOf={({ id }) => id}
          empty="There are no such incidents. Gaps in the received changes would be here; their repair starts automatically."
          columns={[
            {
              head: 'Opened',
              cell: ({ openedAt, closedAt }) => (
                <>
                  <Moment time={openedAt} />
                  {closedAt !== null && (
                    <span class="quiet">
                      , closed <Ago time={closedAt} />
                    </span>
                  )}
                </>
              ),
            },
            { head: 'State', cell: (incident) => <State value={incident.state} /> },
            {
              head: 'Cause',
              cell: ({ cause, detail }) => (
                <>
                  <b>{cause}</b>: {detail}
                </>
              ),
            },
            { head: 'Extent', cell: (incident) => <Extent incident={incident} /> },
            { head: 'Repair', cell: (incident) => <Repair incident={incident} /> },
          ]}
        />
      </Section>
    </Page>
  );
}

function Extent({ incident }: { readonly incident: Incident }) {
  const { extent, accountIds, eventIds, from } = incident;
  if (extent === 'all') return <>all accounts</>;
  if (extent === 'since') {
    return (
      <>
        accounts changed since <Moment time={from} />
      </>
    );
  }
  return (
    <details>
      <summary>{plural(accountIds.length, 'account')}</summary>
      <ul class="changes">
        {accountIds.map((id) => (
          <li key={id}>
            <AccountLink id={id} />
          </li>
        ))}
        {eventIds.map((id) => (
          <li key={id}>
            <Link to={`/events/${id}`}>event {id}</Link>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Repair({ incident }: { readonly incident: Incident }) {
  const { id, resyncId, state, extent, accountIds, from } = incident;
  return (
    <div class="actions">
      {resyncId !== null && <Link to={`/resyncs/${resyncId}`}>resync</Link>}
      {state !== 'closed' && (
        <Action
          scope="write"
          about={`incident ${id}`}
          run={() =>
            startResync(
              extent === 'accounts'
                ? { scope: 'accounts', accountIds }
                : extent === 'since' && from !== null
                  ? { scope: 'since', since: from }
                  : { scope: 'all' },
            )
          }
        >
          Resync these
        </Action>
      )}
    </div>
  );
}
