import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { AccountLink } from '../components/link.tsx';
import { Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { formatValue } from '../format.ts';
import { startResync } from './start-resync.tsx';

type Difference = Schemas['Difference'];

const kinds: Readonly<Record<Difference['kind'], string>> = {
  missing: 'missing in the mirror',
  extra: 'deleted in Salesforce',
  'not visible': 'not returned by Salesforce',
  fields: 'values differ',
};

/** The accounts that differ: the mirror and Salesforce side by side. */
export function Differences({ resync }: { readonly resync: Schemas['Resync'] }) {
  const { id, verification, repairs } = resync;
  const count = verification?.different ?? 0;
  return (
    <Section
      title="Differences"
      actions={
        count > 0 &&
        !repairs && (
          <Action scope="write" kind="primary" run={() => repairAll(id)}>
            Repair these
          </Action>
        )
      }
    >
      <PagedTable<Difference>
        label="Differences"
        listKey={[id, resync.state]}
        everyMs={0}
        read={(paging, signal) =>
          body(api.GET('/v1/resyncs/{id}/differences', { signal, params: { path: { id }, query: paging } }))
        }
        keyOf={({ accountId }) => accountId}
        empty={
          verification === null
            ? 'The differences appear when the comparison is done.'
            : 'None: the mirror equals Salesforce.'
        }
        columns={[
          { head: 'Account', cell: ({ accountId }) => <AccountLink id={accountId} /> },
          { head: 'Difference', cell: ({ kind }) => kinds[kind] },
          { head: 'Field', cell: ({ fields }) => lines(Object.keys(fields)) },
          {
            head: 'In the mirror',
            cell: ({ fields }) => lines(Object.values(fields).map(({ mirror }) => formatValue(mirror))),
          },
          {
            head: 'In Salesforce',
            cell: ({ fields }) =>
              lines(Object.values(fields).map(({ salesforce }) => formatValue(salesforce))),
          },
        ]}
      />
    </Section>
  );
}

function lines(texts: readonly string[]) {
  return texts.map((text, index) => <div key={`${index} ${text}`}>{text}</div>);
}

/** The number of ids that one resync accepts. */
const maxAccountIds = 10_000;

/** Reads the accounts of all pages again. */
async function repairAll(id: string): Promise<string> {
  const accountIds: string[] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = { limit: 200, ...(cursor !== null && { cursor }) };
    const page: { data: Difference[]; nextCursor: string | null } = await body(
      api.GET('/v1/resyncs/{id}/differences', { params: { path: { id }, query } }),
    );
    accountIds.push(...page.data.map(({ accountId }) => accountId));
    cursor = page.nextCursor;
  } while (cursor !== null && accountIds.length < maxAccountIds);
  await startResync({ scope: 'accounts', accountIds: accountIds.slice(0, maxAccountIds) });
  return `Accounts that are read again: ${accountIds.length}.`;
}
