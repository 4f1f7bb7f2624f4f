import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Moment } from '../components/time.tsx';

/** What operators, senders of webhooks and the service itself did, newest first. */
export function Logs() {
  return (
    <>
      <Section title="Actions">
        <PagedTable<Schemas['Action']>
          label="Actions"
          listKey={[]}
          limit={20}
          read={(paging, signal) => body(api.GET('/v1/actions', { signal, params: { query: paging } }))}
          keyOf={({ id }) => id}
          empty="No action yet. Every request that may change something would be here with its key."
          columns={[
            { head: 'When', cell: ({ at }) => <Moment time={at} /> },
            { head: 'Key', cell: ({ caller }) => caller },
            {
              head: 'Request',
              cell: ({ method, path }) => (
                <code>
                  {method} {path}
                </code>
              ),
            },
            { head: 'Status', isNumber: true, cell: ({ status }) => status },
            { head: 'Request id', cell: ({ requestId }) => <code>{requestId}</code> },
          ]}
        />
      </Section>
      <Section title="Notifications">
        <PagedTable<Schemas['Notification']>
          label="Notifications"
          listKey={[]}
          limit={10}
          read={(paging, signal) => body(api.GET('/v1/notifications', { signal, params: { query: paging } }))}
          keyOf={({ id }) => id}
          empty="No notification yet. Changes of the verdict would be here once a receiver is configured."
          columns={[
            { head: 'When', cell: ({ createdAt }) => <Moment time={createdAt} /> },
            { head: 'State', cell: ({ state }) => <State value={state} /> },
            { head: 'Subject', cell: ({ subject, summary }) => `${subject}: ${summary}` },
            { head: 'Receiver', cell: ({ url }) => url },
            { head: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
            { head: 'Error', cell: ({ error }) => error ?? '' },
          ]}
        />
      </Section>
      <Section title="Webhook deliveries">
        <PagedTable<Schemas['WebhookRequest']>
          label="Webhook deliveries"
          listKey={[]}
          limit={20}
          read={(paging, signal) =>
            body(api.GET('/v1/webhook-requests', { signal, params: { query: paging } }))
          }
          keyOf={({ id }) => id}
          empty="No delivery yet. Requests to the webhook endpoints would be here, accepted or not."
          columns={[
            { head: 'Received', cell: ({ receivedAt }) => <Moment time={receivedAt} /> },
            { head: 'Endpoint', cell: ({ endpoint }) => endpoint },
            { head: 'Status', isNumber: true, cell: ({ status }) => status },
            { head: 'Problem', cell: ({ problem }) => problem ?? '' },
            { head: 'Changes', isNumber: true, cell: ({ received }) => received ?? '–' },
            { head: 'Stored', isNumber: true, cell: ({ stored }) => stored ?? '–' },
            { head: 'Sender', cell: ({ address }) => address },
          ]}
        />
      </Section>
    </>
  );
}
