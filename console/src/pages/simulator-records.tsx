import { useState } from 'preact/hooks';
import { api, body, requestJson, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { TextField } from '../components/field.tsx';
import { AccountLink } from '../components/link.tsx';
import { Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { useQuery } from '../query.ts';
import { navigate } from '../router.ts';

type Account = Schemas['ListedAccount'];

/** Creates, changes and deletes accounts in the simulator, and shows what the mirror has of them. */
export function SimulatorRecords() {
  const [name, setName] = useState('Blue Harbour Ltd');
  const newest = useQuery<{ readonly data: readonly Account[] }>(
    (signal) =>
      body(api.GET('/v1/accounts', { signal, params: { query: { sort: '-changedAt', limit: 8 } } })),
    ['newest'],
    3_000,
  );
  return (
    <Section title="Records">
      <div class="inline-form">
        <TextField label="Name of a new account" value={name} onChange={setName} />
        <Action scope="admin" kind="primary" disabled={name.trim() === ''} run={() => create(name.trim())}>
          Create account
        </Action>
      </div>
      <h3>Last changed in the mirror</h3>
      <QueryView query={newest}>
        {({ data }) => (
          <Table
            label="Last changed in the mirror"
            rows={data}
            keyOf={({ id }) => id}
            empty="No accounts yet."
            columns={[
              { head: 'Account', cell: ({ id, name: text }) => <AccountLink id={id} name={text ?? null} /> },
              {
                head: 'Code',
                cell: ({ codeState, signupCode, pendingSignupCode }) => (
                  <>
                    <code>{signupCode ?? pendingSignupCode}</code> <State value={codeState ?? 'none'} />
                  </>
                ),
              },
              { head: 'Changed', isSecondary: true, cell: ({ changedAt }) => <Ago time={changedAt} /> },
              { head: 'In Salesforce', cell: (account) => <RecordActions account={account} /> },
            ]}
          />
        )}
      </QueryView>
    </Section>
  );
}

function RecordActions({ account }: { readonly account: Account }) {
  const { id, name } = account;
  const about = name ?? id;
  const [renamed, setRenamed] = useState(`${name ?? ''} International`);
  const path = `/simulator/records/${id}`;
  const rename = async (): Promise<string> => {
    await requestJson(path, { method: 'PATCH', json: { Name: renamed } });
    return 'The account is changed in Salesforce.';
  };
  const remove = async (): Promise<string> => {
    await requestJson(path, { method: 'DELETE' });
    return 'The account is deleted in Salesforce.';
  };
  return (
    <div class="actions">
      <Action
        scope="admin"
        about={about}
        run={rename}
        confirm={<TextField label="New name" value={renamed} onChange={setRenamed} />}
      >
        Change
      </Action>
      <Action
        scope="admin"
        kind="danger"
        about={about}
        run={remove}
        confirm={`Delete ${about} in Salesforce?`}
      >
        Delete
      </Action>
    </div>
  );
}

async function create(name: string): Promise<string> {
  await requestJson<{ id: string }>('/simulator/records', { method: 'POST', json: { Name: name } });
  navigate(`/accounts?q=${encodeURIComponent(name)}`);
  return 'The account is created in Salesforce; the mirror follows.';
}
