import { api, body } from '../api.ts';
import { Facts } from '../components/facts.tsx';
import { Page, Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { Ago, Moment } from '../components/time.tsx';
import { formatDuration, formatNumber } from '../format.ts';
import { useQuery } from '../query.ts';
import { isAdmin } from '../session.ts';
import { Access } from './system-access.tsx';
import { Logs } from './system-logs.tsx';

/** The service itself: its processes, its configuration, and what it and its operators did. */
export function SystemPage() {
  const status = useQuery((signal) => body(api.GET('/v1/status', { signal })), ['status'], 5_000);
  const instances = useQuery((signal) => body(api.GET('/v1/instances', { signal })), ['instances'], 10_000);
  const maintenance = useQuery((signal) => body(api.GET('/v1/maintenance', { signal })), ['tasks'], 60_000);
  return (
    <Page title="System">
      <QueryView query={status}>
        {({ subscription: { holder, epoch, topic, organizationId } }) => (
          <Facts
            items={[
              [
                'Leader',
                holder === null ? 'none' : `${holder.name} (process ${holder.pid} on ${holder.host})`,
              ],
              ['Leader since', <Ago time={holder?.since} />],
              ['Epoch', epoch],
              ['Topic', <span class="id">{topic}</span>],
              ['Org', <span class="id">{organizationId ?? '–'}</span>],
            ]}
          />
        )}
      </QueryView>
      <Section title="Processes">
        <QueryView query={instances}>
          {({ data }) => (
            <Table
              label="Processes"
              rows={data}
              keyOf={({ id }) => id}
              empty="No process has reported yet."
              columns={[
                {
                  head: 'Name',
                  cell: ({ name, isLeader }) => (isLeader ? <b>{name}, leader</b> : name),
                },
                { head: 'Host', cell: ({ host, pid }) => `${host}, process ${pid}` },
                { head: 'Roles', cell: ({ roles }) => roles.join(', ') },
                { head: 'Version', cell: ({ version }) => version },
                { head: 'Started', cell: ({ startedAt }) => <Moment time={startedAt} /> },
                { head: 'Last seen', cell: ({ seenAt }) => <Ago time={seenAt} /> },
              ]}
            />
          )}
        </QueryView>
      </Section>
      <Section title="Maintenance">
        <QueryView query={maintenance}>
          {({ data }) => (
            <Table
              label="Maintenance"
              rows={data}
              keyOf={({ task }) => task}
              empty="No maintenance task has run yet. Deletion of old rows and similar tasks would be here."
              columns={[
                { head: 'Task', cell: ({ task }) => task },
                { head: 'Started', cell: ({ startedAt }) => <Ago time={startedAt} /> },
                {
                  head: 'Duration',
                  isNumber: true,
                  cell: ({ startedAt, finishedAt }) =>
                    startedAt !== null && finishedAt !== null
                      ? formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))
                      : '–',
                },
                { head: 'Rows', isNumber: true, cell: ({ rows }) => formatNumber(rows) },
                { head: 'Error', cell: ({ error }) => error ?? '' },
              ]}
            />
          )}
        </QueryView>
      </Section>
      <Logs />
      {isAdmin.value && <Access />}
    </Page>
  );
}
