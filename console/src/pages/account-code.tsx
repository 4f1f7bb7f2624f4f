import { api, body, type Schemas } from '../api.ts';
import { Action } from '../components/action.tsx';
import { State } from '../components/badge.tsx';
import { Facts } from '../components/facts.tsx';
import { Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Table } from '../components/table.tsx';
import { Ago, Moment } from '../components/time.tsx';
import { useQuery } from '../query.ts';

type WriteBack = Schemas['WriteBackHistory'];

/** The signup code of an account: its state, why it is not confirmed, and every attempt to write it. */
export function AccountCode({ account }: { readonly account: Schemas['Account'] }) {
  const { id, codeState, deletedAt } = account;
  const params = { path: { accountId: id } };
  const code = useQuery<WriteBack>(
    (signal) => body(api.GET('/v1/write-backs/{accountId}', { params, signal })),
    [id],
    5_000,
  );
  return (
    <Section
      title="Signup code"
      actions={
        deletedAt === null && (
          <>
            {codeState === 'none' && (
              <Action scope="write" kind="primary" run={() => assign(id, false)}>
                Give a code
              </Action>
            )}
            {(codeState === 'failed' || codeState === 'pending') && (
              <Action scope="write" run={() => retryCode(id)}>
                Send again
              </Action>
            )}
            {codeState !== 'none' && (
              <Action scope="admin" kind="danger" run={() => assign(id, true)} confirm={regenerateNote}>
                Regenerate
              </Action>
            )}
          </>
        )
      }
    >
      <QueryView query={code}>{(found) => <Life code={found} />}</QueryView>
    </Section>
  );
}

const regenerateNote =
  'The account gets a new code, which overwrites the present one in Salesforce. Nobody can sign up with the present code afterwards; it stays in the history.';

function Life({ code }: { readonly code: WriteBack }) {
  const { reason, error, attempts, lastAttemptAt, nextAttemptAt, history } = code;
  return (
    <div class="stack">
      <Facts
        items={[
          ['Code', <code>{code.signupCode ?? code.pendingSignupCode ?? '–'}</code>],
          ['State', <State value={code.state} />],
          ['Attempts', attempts],
          ['Last attempt', <Ago time={lastAttemptAt} />],
          ...(nextAttemptAt === null ? [] : ([['Next attempt', <Ago time={nextAttemptAt} />]] as const)),
        ]}
      />
      {reason !== null && <p>{reason.message}</p>}
      {error?.message && error.message !== reason?.message && (
        <p class="quiet">
          Salesforce: {error.message} <code>{error.code}</code>
        </p>
      )}
      {history.length > 0 && (
        <Table
          label="Attempts"
          rows={history}
          keyOf={({ code: sent, sentAt }) => sent + sentAt}
          empty=""
          columns={[
            { head: 'Sent', cell: ({ sentAt }) => <Moment time={sentAt} /> },
            { head: 'Code', cell: ({ code: sent }) => <code>{sent}</code> },
            { head: 'Outcome', cell: ({ outcome }) => <State value={outcome} /> },
            { head: 'Message', cell: ({ error: refusal }) => refusal?.message ?? '' },
          ]}
        />
      )}
    </div>
  );
}

async function assign(id: string, regenerate: boolean): Promise<string> {
  const params = { path: { id } };
  const code = await body(api.POST('/v1/accounts/{id}/signup-code', { params, body: { regenerate } }));
  return `The code ${code.pendingSignupCode ?? code.signupCode} is ${code.codeState}.`;
}

export async function retryCode(accountId: string): Promise<string> {
  await body(api.POST('/v1/write-backs/{accountId}/retry', { params: { path: { accountId } } }));
  return 'The code is sent again now.';
}
