import type { Queryable } from '../db/database.ts';
import type { CodeError, CodeState } from './signup-code.ts';

/** What Salesforce answered about the code of one account. */
export type CodeOutcome = {
  readonly id: string;
  /** The code that was sent. */
  readonly code: string;
  readonly state: Extract<CodeState, 'pending' | 'written' | 'failed'>;
  readonly error: CodeError | null;
  /** The code from now on; another one where the sent one was taken. */
  readonly newCode: string;
};

/** The codes of those of these accounts that wait to be written, by account. */
export async function readPending(client: Queryable, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ id: string; signup_code: string }>({
    name: 'read-pending-codes',
    text: `select id, signup_code from accounts
            where id = any($1::text[]) and code_state = 'pending' and signup_code is not null and not deleted`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row.signup_code]));
}

/** Records answers, unless the account has moved on meanwhile: a confirmed code stays confirmed. */
export async function recordOutcomes(client: Queryable, outcomes: readonly CodeOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  await client.query({
    name: 'record-code-outcomes',
    text: `update accounts a
              set code_state = o.state, signup_code = o.new_code, code_error = o.error,
                  code_attempts = a.code_attempts + 1, code_attempted_at = now(),
                  changed_at = now(), revision = a.revision + 1
             from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[])
               as o (id, code, state, error, new_code)
            where a.id = o.id and a.signup_code = o.code and a.code_state = 'pending'`,
    values: [
      outcomes.map(({ id }) => id),
      outcomes.map(({ code }) => code),
      outcomes.map(({ state }) => state),
      outcomes.map(({ error }) => (error === null ? null : JSON.stringify(error))),
      outcomes.map(({ newCode }) => newCode),
    ],
  });
}
