import { useState } from 'preact/hooks';
import { api, body } from '../api.ts';
import { Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { useQuery } from '../query.ts';

/** What only administrators see: keys by name, and the effective settings of one process. */
export function Access() {
  const keys = useQuery((signal) => body(api.GET('/v1/api-keys', { signal })), ['keys'], 60_000);
  const settings = useQuery((signal) => body(api.GET('/v1/settings', { signal })), ['settings']);
  const [hasDefaults, setHasDefaults] = useState(false);
  return (
    <>
      <Section title="API keys">
        <QueryView query={keys}>
          {({ data }) => (
            <Table
              label="API keys"
              rows={data}
              keyOf={({ name }) => name}
              empty="No key is configured. The keys of API_KEYS would be here by name, never with their secrets."
              columns={[
                { head: 'Name', cell: ({ name }) => name },
                { head: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
                {
                  head: 'Last used',
                  cell: ({ lastUsedAt }) => <Ago time={lastUsedAt} none="not recorded" />,
                },
              ]}
            />
          )}
        </QueryView>
      </Section>
      <Section
        title="Settings"
        actions={
          <button type="button" aria-pressed={hasDefaults} onClick={() => setHasDefaults(!hasDefaults)}>
            {hasDefaults ? 'Hide defaults' : 'Show defaults'}
          </button>
        }
      >
        <QueryView query={settings}>
          {({ data }) => (
            <Table
              label="Settings"
              rows={data.filter(({ source }) => hasDefaults || source !== 'default')}
              keyOf={({ name }) => name}
              empty="All settings have their defaults."
              columns={[
                { head: 'Setting', cell: ({ name }) => <code>{name}</code> },
                { head: 'Value', cell: ({ value }) => (value === null ? '–' : <code>{value}</code>) },
                { head: 'Group', isSecondary: true, cell: ({ group }) => group },
                { head: 'Description', cell: ({ description }) => description },
              ]}
            />
          )}
        </QueryView>
      </Section>
    </>
  );
}
