import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { Choice } from '../components/field.tsx';
import { Link } from '../components/link.tsx';
import { Page, Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { formatNumber, formatShortTime, plural } from '../format.ts';
import { useQuery } from '../query.ts';
import { place, setQuery } from '../router.ts';
import { UnconfirmedCodes } from './unconfirmed-codes.tsx';

type WriteBackStatus = Schemas['Status']['writeBack'];

/** Codes that Salesforce has not confirmed: the causes, then the accounts. */
export function CodesPage() {
  const status = useQuery((signal) => body(api.GET('/v1/status', { signal })), ['status'], 5_000);
  const { query } = place.value;
  const [state, errorCode] = [query.get('state') ?? '', query.get('errorCode') ?? ''];
  return (
    <Page title="Codes">
      <QueryView query={status}>
        {({ writeBack }) => (
          <>
            <Progress writeBack={writeBack} />
            <Causes failures={writeBack.failures} />
          </>
        )}
      </QueryView>
      <Section title={errorCode === '' ? 'Codes that are not confirmed' : `Codes with ${errorCode}`}>
        <div class="filters">
          <Choice
            label="State"
            value={state}
            onChange={(value) => setQuery({ state: value })}
            options={[['', 'Any state'], 'pending', 'written', 'failed']}
          />
          {errorCode !== '' && (
            <button type="button" onClick={() => setQuery({ errorCode: '' })}>
              Show all causes
            </button>
          )}
        </div>
        <UnconfirmedCodes state={state} errorCode={errorCode} />
      </Section>
    </Page>
  );
}

function Progress({ writeBack }: { readonly writeBack: WriteBackStatus }) {
  const { state, since, reason, counts, backfill } = writeBack;
  return (
    <div class="stack">
      <p>
        The write-back is <State value={state} />
        {since !== null && <> since {formatShortTime(since)}</>}
        {reason !== null && (
          <>
            : {reason.message} <code>{reason.code}</code>
          </>
        )}
      </p>
      <p class="quiet">
        {formatNumber(counts.pending)} pending, {formatNumber(counts.written)} written,{' '}
        {formatNumber(counts.confirmed)} confirmed, {formatNumber(counts.failed)} failed
        {backfill !== null &&
          `; backfill: ${formatNumber(backfill.given)} codes for ${formatNumber(backfill.seen)} accounts${backfill.finishedAt === null ? ' so far' : ', finished'}`}
      </p>
    </div>
  );
}

function Causes({ failures }: { readonly failures: WriteBackStatus['failures'] }) {
  return (
    <Section title="Causes of failed codes">
      <Table
        label="Causes of failed codes"
        rows={failures}
        keyOf={({ code }) => code}
        empty="No code has failed. The errors of Salesforce would be here, each with the number of its accounts."
        columns={[
          {
            head: 'Cause',
            cell: ({ code }) => <Link to={`/codes?errorCode=${encodeURIComponent(code)}`}>{code}</Link>,
          },
          { head: 'Accounts', isNumber: true, cell: ({ count }) => formatNumber(count) },
          { head: 'Message of Salesforce', cell: ({ message }) => message },
          {
            head: 'Action',
            cell: ({ code, count }) => (
              <Action
                scope="write"
                about={code}
                run={() => retryCause(code)}
                confirm={`${plural(count, 'code')} will be sent again with all attempts. Correct the cause in Salesforce first.`}
              >
                Retry cause
              </Action>
            ),
          },
        ]}
      />
    </Section>
  );
}

async function retryCause(errorCode: string): Promise<string> {
  const { retried } = await body(api.POST('/v1/write-backs/retry', { body: { errorCode } }));
  return `Codes that are sent again: ${retried}.`;
}
