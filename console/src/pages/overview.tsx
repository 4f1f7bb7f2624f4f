import { api, body } from '../api.ts';
import { Action } from '../components/action.tsx';
import { Page } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { useQuery } from '../query.ts';
import { navigate } from '../router.ts';
import { Charts } from './overview-charts.tsx';
import { Figures } from './overview-figures.tsx';
import { Verdict } from './verdict.tsx';

/** Whether the mirror can be trusted, and what to do if not: the first sentence is the answer. */
export function OverviewPage() {
  const status = useQuery((signal) => body(api.GET('/v1/status', { signal })), ['status'], 5_000);
  const series = useQuery((signal) => body(api.GET('/v1/time-series', { signal })), ['time-series'], 60_000);
  return (
    <Page
      title="Overview"
      actions={
        <>
          <Action scope="write" run={verifyNow}>
            Verify now
          </Action>
          <Action scope="write" run={reconnectNow}>
            Reconnect now
          </Action>
        </>
      }
    >
      <QueryView query={status}>
        {(data) => (
          <>
            <Verdict status={data} />
            <Figures status={data} />
          </>
        )}
      </QueryView>
      <QueryView query={series}>{({ data }) => <Charts minutes={data} />}</QueryView>
    </Page>
  );
}

async function verifyNow(): Promise<string> {
  const resync = await body(api.POST('/v1/resyncs', { body: { scope: 'all', mode: 'verify' } }));
  navigate(`/resyncs/${resync.id}`);
  return 'The verification is queued. It compares all accounts with Salesforce and changes nothing.';
}

async function reconnectNow(): Promise<string> {
  const { state } = await body(api.POST('/v1/subscription/reconnect'));
  return state === 'streaming'
    ? 'The stream is open: there is nothing to reconnect.'
    : 'The stream connects now instead of after its backoff.';
}
