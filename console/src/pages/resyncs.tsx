import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Choice } from '../components/field.tsx';
import { Link } from '../components/link.tsx';
import { Page, Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Moment } from '../components/time.tsx';
import { formatDuration, formatNumber, plural } from '../format.ts';
import { place, setQuery } from '../router.ts';
import { canWrite } from '../session.ts';
import { ResyncForm } from './start-resync.tsx';

type Resync = Schemas['Resync'];

/** Reads of records from Salesforce: start one, and see what the others found. */
export function ResyncsPage() {
  const mode = place.value.query.get('mode') ?? '';
  return (
    <Page title="Resyncs">
      {canWrite.value && (
        <Section title="Start a resync">
          <ResyncForm />
        </Section>
      )}
      <Section title="All resyncs">
        <div class="filters">
          <Choice
            label="Mode"
            value={mode}
            onChange={(value) => setQuery({ mode: value })}
            options={[['', 'Any mode'], 'repair', 'verify', 'sample']}
          />
        </div>
        <PagedTable<Resync>
          label="Resyncs"
          listKey={[mode]}
          everyMs={5_000}
          read={(paging, signal) => {
            const query = { ...paging, ...(mode !== '' && { mode: mode as 'repair' }) };
            return body(api.GET('/v1/resyncs', { signal, params: { query } }));
          }}
          keyOf={({ id }) => id}
          empty="No resync yet. The initial load, verifications and repairs of gaps would be here."
          columns={[
            {
              head: 'Created',
              cell: ({ id, createdAt }) => (
                <Link to={`/resyncs/${id}`}>
                  <Moment time={createdAt} />
                </Link>
              ),
            },
            { head: 'State', cell: ({ state }) => <State value={state} /> },
            {
              head: 'What',
              cell: ({ mode: what, scope, accountIds }) =>
                `${what} ${scope === 'accounts' ? plural(accountIds.length, 'account') : scope}`,
            },
            {
              head: 'Reason',
              isSecondary: true,
              cell: ({ reason, requestedBy }) =>
                requestedBy === null ? reason : `${reason}, ${requestedBy}`,
            },
            { head: 'Result', cell: (resync) => resultOf(resync) },
            {
              head: 'Duration',
              isNumber: true,
              isSecondary: true,
              cell: ({ startedAt, finishedAt }) =>
                startedAt !== null && finishedAt !== null
                  ? formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))
                  : '–',
            },
          ]}
        />
      </Section>
    </Page>
  );
}

function resultOf({ error, verification, read, updated, created, percent, state }: Resync): string {
  if (error !== null) return error;
  if (verification)
    return `${plural(verification.different, 'difference')} in ${formatNumber(verification.compared)}`;
  if (state === 'reading' && percent !== null) return `${percent} %`;
  return `${formatNumber(read)} read, ${formatNumber(created)} new, ${formatNumber(updated)} updated`;
}
