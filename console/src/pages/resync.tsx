import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { Facts } from '../components/facts.tsx';
import { Page, Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Ago, Moment, now } from '../components/time.tsx';
import { formatDuration, formatNumber, plural } from '../format.ts';
import { useQuery } from '../query.ts';
import { Differences } from './differences.tsx';

type Resync = Schemas['Resync'];

const isReading = ({ state }: Resync): boolean => state === 'reading' || state === 'applying';
const isOpen = ({ state }: Resync): boolean =>
  ['queued', 'reading', 'applying', 'needs-confirmation'].includes(state);

/** One resync: its progress and why it waits, then its results. */
export function ResyncPage({ id }: { readonly id: string }) {
  const params = { path: { id } };
  const resync = useQuery<Resync>(
    (signal) => body(api.GET('/v1/resyncs/{id}', { signal, params })),
    [id],
    2_000,
  );
  const { data } = resync;
  return (
    <Page
      title={data === undefined ? 'Resync' : `Resync: ${data.mode} ${data.scope}`}
      actions={
        data !== undefined && (
          <>
            {data.state === 'needs-confirmation' && (
              <Action scope="admin" kind="danger" run={() => confirmResync(id)} confirm={confirmNote(data)}>
                Confirm deletions
              </Action>
            )}
            {isOpen(data) && (
              <Action scope="write" run={() => cancelResync(id)}>
                Cancel resync
              </Action>
            )}
          </>
        )
      }
    >
      <QueryView query={resync}>
        {(found) => (
          <>
            <Progress resync={found} />
            <Result resync={found} />
            {found.mode !== 'repair' && <Differences resync={found} />}
          </>
        )}
      </QueryView>
    </Page>
  );
}

function confirmNote({ notVisible }: Resync): string {
  return `${plural(notVisible, 'account')} that Salesforce did not return will be marked as deleted if they are still not visible. Confirm only if they are deleted: if the integration user has lost a permission, restore it, and the resync continues automatically.`;
}

function Progress({ resync }: { readonly resync: Resync }) {
  const { state, percent, read, expected, error, waiting, requestedBy, reason } = resync;
  const remaining = remainingMs(resync);
  return (
    <div class="stack">
      <p>
        <State value={state} />{' '}
        {isReading(resync) &&
          `${formatNumber(read)} of ${expected === null ? 'an unknown number of' : formatNumber(expected)} records read`}
        {remaining !== null && `, about ${formatDuration(remaining)} left`}
      </p>
      {isReading(resync) && (
        <progress
          aria-label="Progress of the resync"
          max={100}
          {...(percent !== null && { value: percent })}
        />
      )}
      {waiting != null && <p class="problem">Waiting: {waitingText(waiting)}</p>}
      {error !== null && <p class="problem">{error}</p>}
      <p class="quiet">
        {reason}
        {requestedBy !== null && `, requested by ${requestedBy}`}, <Ago time={resync.createdAt} />
      </p>
    </div>
  );
}

/** Milliseconds at the present rate; null if unknown. */
function remainingMs(resync: Resync): number | null {
  const { startedAt, read, expected } = resync;
  if (!isReading(resync) || startedAt === null || expected === null || read === 0 || read >= expected)
    return null;
  return ((now.value - Date.parse(startedAt)) / read) * (expected - read);
}

function waitingText(waiting: unknown): string {
  if (typeof waiting !== 'object' || waiting === null) return String(waiting);
  const { reason, ...others } = waiting as Record<string, unknown>;
  const details = Object.entries(others).map(([name, value]) => `${name} ${String(value)}`);
  return [String(reason), ...details].join(', ');
}

function Result({ resync }: { readonly resync: Resync }) {
  const { verification } = resync;
  return (
    <Section title="Result">
      <Facts
        items={[
          ...(verification
            ? ([
                ['Compared', formatNumber(verification.compared)],
                ['Different', formatNumber(verification.different)],
                ['Verified through', <Moment time={verification.verifiedThrough} />],
              ] as const)
            : []),
          ['Read', formatNumber(resync.read)],
          ['New', formatNumber(resync.created)],
          ['Updated', formatNumber(resync.updated)],
          ['Unchanged', formatNumber(resync.unchanged)],
          ['Newer in the mirror', formatNumber(resync.kept)],
          ['Deleted', formatNumber(resync.deleted)],
          ['Not visible', formatNumber(resync.notVisible)],
          ['Not stored', formatNumber(resync.failed)],
          ['Started', <Moment time={resync.startedAt} />],
          ['Finished', <Moment time={resync.finishedAt} />],
          ['Method', resync.method ?? '–'],
        ]}
      />
    </Section>
  );
}

async function cancelResync(id: string): Promise<string> {
  await body(api.DELETE('/v1/resyncs/{id}', { params: { path: { id } } }));
  return 'The resync is cancelled.';
}

async function confirmResync(id: string): Promise<string> {
  await body(api.POST('/v1/resyncs/{id}/confirm', { params: { path: { id } } }));
  return 'The deletions are confirmed; the resync continues.';
}
