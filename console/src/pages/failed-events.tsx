import { useId, useState } from 'preact/hooks';
import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { Link } from '../components/link.tsx';
import { Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Ago } from '../components/time.tsx';
import { Records } from './origin.tsx';
import { startResync } from './start-resync.tsx';

type LoggedEvent = Schemas['Event'];

/** Events that could not be applied. */
export function FailedEvents() {
  return (
    <Section title="Failed events">
      <PagedTable<LoggedEvent>
        label="Failed events"
        listKey={[]}
        everyMs={5_000}
        read={(paging, signal) =>
          body(api.GET('/v1/events', { signal, params: { query: { ...paging, state: 'failed' } } }))
        }
        keyOf={({ id }) => id}
        empty="No event has failed. An event that cannot be applied would be here, and never stops the others."
        columns={[
          {
            head: 'Event',
            cell: ({ id, changeType }) => (
              <Link to={`/events/${id}`}>
                {id} {changeType ?? 'undecoded'}
              </Link>
            ),
          },
          { head: 'Received', cell: ({ receivedAt }) => <Ago time={receivedAt} /> },
          { head: 'Error', cell: ({ error }) => error },
          {
            head: 'Records',
            isSecondary: true,
            cell: ({ recordIds }) => <Records ids={recordIds} />,
          },
          { head: 'Actions', cell: (event) => <EventActions event={event} /> },
        ]}
      />
    </Section>
  );
}

/** What can be done about a failed event; nothing for other events. */
export function EventActions({ event }: { readonly event: LoggedEvent }) {
  const { id, recordIds, state } = event;
  const [reason, setReason] = useState('');
  const reasonId = useId();
  if (state !== 'failed') return null;
  return (
    <div class="actions">
      <Action scope="write" about={`event ${id}`} run={() => retryEvent(id)}>
        Retry
      </Action>
      {recordIds.length > 0 && (
        <Action
          scope="write"
          about={`the records of event ${id}`}
          run={() => startResync({ scope: 'accounts', accountIds: recordIds })}
        >
          Resync these
        </Action>
      )}
      <Action
        scope="admin"
        kind="danger"
        about={`event ${id}`}
        run={() => dismissEvent(id, reason)}
        confirm={
          <div class="stack">
            <p>The event no longer counts as failed. The mirror does not change: resync its records first.</p>
            <div class="field">
              <label for={reasonId}>Reason, for others who read the log</label>
              <input
                id={reasonId}
                value={reason}
                maxLength={1_000}
                onInput={(input) => setReason(input.currentTarget.value)}
              />
            </div>
          </div>
        }
      >
        Dismiss
      </Action>
    </div>
  );
}

async function retryEvent(id: string): Promise<string> {
  await body(api.POST('/v1/events/{id}/retry', { params: { path: { id } } }));
  return `Event ${id} is applied again.`;
}

async function dismissEvent(id: string, reason: string): Promise<string> {
  const params = { path: { id } };
  await body(api.POST('/v1/events/{id}/dismiss', { params, body: reason === '' ? {} : { reason } }));
  return `The failure of event ${id} is dismissed.`;
}
