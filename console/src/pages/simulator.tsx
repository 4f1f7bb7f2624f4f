import { requestJson } from '../api.ts';
import { Action } from '../components/action.tsx';
import { Page, Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { formatValue } from '../format.ts';
import { useQuery } from '../query.ts';
import { FaultButton } from './fault-button.tsx';
import type { Fault } from './fault-parameters.tsx';
import { SimulatorRecords } from './simulator-records.tsx';

type ActiveFault = {
  readonly name: string;
  readonly id: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly struck: number;
  readonly left: number | null;
};

/** The simulated org: change records as a Salesforce user does, and make it fail. */
export function SimulatorPage() {
  const faults = useQuery(
    (signal) => requestJson<{ on: ActiveFault[]; faults: Fault[] }>('/simulator/faults', { signal }),
    ['faults'],
    3_000,
  );
  return (
    <Page title="Simulator">
      <p class="lead">
        A Salesforce org in the same process. Create an account, then watch it arrive with its code; switch a
        fault on, then see how the mirror reports and repairs it.
      </p>
      <SimulatorRecords />
      <QueryView query={faults}>
        {({ on, faults: catalog }) => (
          <>
            <ActiveFaults on={on} />
            <Section title="Faults">
              {[...Map.groupBy(catalog, ({ name }) => name.split('.')[0] ?? '')].map(([theme, group]) => (
                <details key={theme}>
                  <summary>
                    {theme} ({group.length})
                  </summary>
                  <Table
                    label={`Faults of ${theme}`}
                    rows={group}
                    keyOf={({ name }) => name}
                    empty=""
                    columns={[
                      { head: 'Fault', cell: ({ name }) => <code>{name}</code> },
                      { head: 'Effect', cell: ({ about }) => about },
                      { head: 'Action', cell: (fault) => <FaultButton fault={fault} /> },
                    ]}
                  />
                </details>
              ))}
            </Section>
          </>
        )}
      </QueryView>
    </Page>
  );
}

function ActiveFaults({ on }: { readonly on: readonly ActiveFault[] }) {
  return (
    <Section
      title="Faults that are on"
      actions={
        on.length > 0 && (
          <Action scope="admin" kind="primary" run={() => clearFaults()}>
            Switch all off
          </Action>
        )
      }
    >
      <Table
        label="Faults that are on"
        rows={on}
        keyOf={({ id }) => String(id)}
        empty="No fault is on: the simulator behaves like Salesforce on a good day."
        columns={[
          { head: 'Fault', cell: ({ name }) => <code>{name}</code> },
          { head: 'Parameters', cell: ({ parameters }) => formatValue(parameters) },
          { head: 'Occurred', isNumber: true, cell: ({ struck }) => struck },
          { head: 'Left', isNumber: true, cell: ({ left }) => left ?? 'no limit' },
          {
            head: 'Action',
            cell: ({ name }) => (
              <Action scope="admin" about={name} run={() => clearFaults(name)}>
                Switch off
              </Action>
            ),
          },
        ]}
      />
    </Section>
  );
}

async function clearFaults(name?: string): Promise<string> {
  await requestJson(name === undefined ? '/simulator/faults' : `/simulator/faults/${name}`, {
    method: 'DELETE',
  });
  return name === undefined ? 'All faults are off.' : `${name} is off.`;
}
