import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { Badge } from '../components/badge.tsx';
import { Facts } from '../components/facts.tsx';
import { AccountLink } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Ago, Moment } from '../components/time.tsx';
import { salesforceUrl } from '../load-session.ts';
import { useQuery } from '../query.ts';
import { AccountCode } from './account-code.tsx';
import { AccountDiff } from './account-diff.tsx';
import { AccountFields } from './account-fields.tsx';
import { AccountHistory } from './account-history.tsx';

type Account = Schemas['Account'];

/** Everything the mirror knows about one account. */
export function AccountPage({ id }: { readonly id: string }) {
  const path = { params: { path: { id } } };
  const account = useQuery<Account>(
    (signal) => body(api.GET('/v1/accounts/{id}', { ...path, signal })),
    [id],
  );
  const { data } = account;
  return (
    <Page
      title={data?.name ?? id}
      actions={
        <>
          {salesforceUrl.value !== '' && (
            <a href={`${salesforceUrl.value}/${id}`} rel="noreferrer" target="_blank">
              Open in Salesforce
            </a>
          )}
          <Action scope="write" run={() => readAgain(id)}>
            Read again
          </Action>
        </>
      }
    >
      <QueryView query={account}>
        {(found) => (
          <>
            <Summary account={found} />
            <AccountCode account={found} />
            <AccountFields account={found} />
            <AccountHistory id={found.id} />
            <AccountDiff id={found.id} />
          </>
        )}
      </QueryView>
    </Page>
  );
}

function Summary({ account }: { readonly account: Account }) {
  const { id, accountNumber, createdAt, modifiedAt, changedAt, syncedAt, deletedAt, mergedInto, stale } =
    account;
  return (
    <>
      {(deletedAt !== null || stale) && (
        <p>
          {deletedAt !== null && (
            <Badge tone="warn">
              deleted <Ago time={deletedAt} />
            </Badge>
          )}{' '}
          {mergedInto !== null && (
            <>
              merged into <AccountLink id={mergedInto} />{' '}
            </>
          )}
          {stale && <Badge tone="warn">stale: being read again</Badge>}
        </p>
      )}
      <Facts
        items={[
          ['Id', <span class="id">{id}</span>],
          ['Account number', accountNumber ?? '–'],
          ['Created', <Moment time={createdAt} />],
          ['Modified in Salesforce', <Moment time={modifiedAt} />],
          ['Changed in the mirror', <Ago time={changedAt} />],
          ['Values confirmed', <Ago time={syncedAt} />],
        ]}
      />
    </>
  );
}

async function readAgain(id: string): Promise<string> {
  const params = { path: { id }, query: { wait: true } };
  const result = await body(api.POST('/v1/accounts/{id}/resync', { params }));
  return 'version' in result
    ? 'The account has been read from Salesforce.'
    : 'The read is queued; the account is updated when it is done.';
}
