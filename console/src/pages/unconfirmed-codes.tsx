import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { AccountLink } from '../components/link.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Ago } from '../components/time.tsx';
import { retryCode } from './account-code.tsx';

type WriteBack = Schemas['WriteBack'];

/** The accounts whose codes Salesforce has not confirmed. */
export function UnconfirmedCodes({
  state,
  errorCode,
}: {
  readonly state: string;
  readonly errorCode: string;
}) {
  return (
    <PagedTable<WriteBack>
      label="Codes that are not confirmed"
      listKey={[state, errorCode]}
      everyMs={5_000}
      read={(paging, signal) => {
        const query = {
          ...paging,
          ...(state !== '' && { state: state as 'failed' }),
          ...(errorCode !== '' && { errorCode }),
        };
        return body(api.GET('/v1/write-backs', { signal, params: { query } }));
      }}
      keyOf={({ accountId }) => accountId}
      empty="Salesforce has confirmed all codes. Codes on their way to Salesforce, and failed ones, would be here."
      columns={[
        { head: 'Account', cell: ({ accountId, name }) => <AccountLink id={accountId} name={name} /> },
        { head: 'Code', cell: (row) => <code>{row.pendingSignupCode ?? row.signupCode ?? '–'}</code> },
        { head: 'State', cell: (row) => <State value={row.state} /> },
        { head: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
        { head: 'Last error', cell: ({ error }) => error?.message ?? '' },
        {
          head: 'Next attempt',
          isSecondary: true,
          cell: ({ nextAttemptAt }) => <Ago time={nextAttemptAt} />,
        },
        {
          head: 'Action',
          cell: ({ accountId, name, state: current }) =>
            current !== 'written' && (
              <Action scope="write" about={name ?? accountId} run={() => retryCode(accountId)}>
                Retry
              </Action>
            ),
        },
      ]}
    />
  );
}
