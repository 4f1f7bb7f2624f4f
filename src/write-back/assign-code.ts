import type pg from 'pg';
import { markChangedAccounts } from '../codes/changed-codes.ts';
import type { CodeState } from '../codes/signup-code.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { saveFindings } from './waiting-codes.ts';

export type CodeRequest = {
  /** 18 characters. */
  readonly accountId: string;
  /** Whether a new code replaces the current one. */
  readonly regenerate: boolean;
  /** Name of the API key. */
  readonly requestedBy: string;
};

/** The result of a request. `made`: the code is new. */
export type CodeAssignment =
  | { readonly kind: 'code'; readonly signupCode: string; readonly state: CodeState; readonly made: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'deleted' }
  /** The code on the account in Salesforce belongs to another account. */
  | { readonly kind: 'disputed'; readonly held: string };

/**
 * Assigns a code to an account on request, independently of `SIGNUP_CODE_FILTER`. An existing code is kept unless
 * `regenerate` is set. Runs in the transaction of the caller.
 */
export async function assignCode(
  client: pg.PoolClient,
  generate: () => string,
  request: CodeRequest,
): Promise<CodeAssignment> {
  const { accountId, regenerate, requestedBy } = request;
  await lockAccountWrites(client);
  const row = await readCode(client, accountId);
  if (row === undefined) return { kind: 'unknown' };
  if (row.deleted) return { kind: 'deleted' };
  if (!regenerate && row.code !== null)
    return { kind: 'code', signupCode: row.code, state: row.state, made: false };
  if (!regenerate && row.held !== null) return { kind: 'disputed', held: row.held };
  const replaced = [row.code, row.held].filter((code) => code !== null);
  const code = await unusedCode(client, generate);
  await client.query({
    name: 'assign-code',
    text: `with changed as (
             insert into signup_codes (account_id, code, state, replaces) values ($1, $2, 'pending', $3)
             on conflict (account_id) do update
               set code = excluded.code, state = excluded.state, error = null, due_at = excluded.due_at, tries = 0,
                   refusals = 0, replaces = excluded.replaces, assigned_at = now()
             returning account_id
           ), ${markChangedAccounts} select from changed`,
    values: [accountId, code, JSON.stringify([...new Set([...row.replaces, ...replaced])])],
  });
  if (row.code !== null) {
    const message = `Replaced on request of the API key "${requestedBy}".`;
    const error = { code: 'replaced', message, at: new Date().toISOString() };
    await saveFindings(client, [{ id: accountId, code: row.code, outcome: 'replaced', error }]);
  }
  await sendWakeUp(client, 'write-back');
  return { kind: 'code', signupCode: code, state: 'pending', made: true };
}

type CodeRow = {
  readonly code: string | null;
  readonly held: string | null;
  readonly state: CodeState;
  readonly replaces: readonly string[];
  readonly deleted: boolean;
};

async function readCode(client: pg.PoolClient, accountId: string): Promise<CodeRow | undefined> {
  const { rows } = await client.query<CodeRow>({
    name: 'read-code',
    text: `select (code).code as code, salesforce_code as held, code_state as state, code_replaces as replaces, deleted
             from accounts where id = $1`,
    values: [accountId],
  });
  return rows[0];
}

async function unusedCode(client: pg.PoolClient, generate: () => string): Promise<string> {
  for (;;) {
    const code = generate();
    const { rowCount } = await client.query({
      name: 'is-code-used',
      text: 'select from signup_codes where code = $1',
      values: [code],
    });
    if (rowCount === 0) return code;
  }
}
