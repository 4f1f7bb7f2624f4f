import type pg from 'pg';
import { lockAccountWrites } from '../apply/apply-changes.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

// Small enough for the mirror not to notice.
const chunk = 2_000;

/**
 * Has all failed codes of these causes sent again, with all their tries.
 * @param causes Salesforce's error codes
 * @returns how many
 */
export async function retryFailed(pool: pg.Pool, causes: readonly string[]): Promise<number> {
  const text = `update accounts set ${waitingAgain}
    where id in (select id from accounts
                  where code_state = 'failed' and not deleted and signup_code is not null
                    and code_error ->> 'code' = any($1::text[]) order by id limit ${chunk})`;
  let again = 0;
  for (;;) {
    const count = await inTransaction(pool, async (client) => {
      await lockAccountWrites(client);
      const { rowCount } = await client.query({ name: 'retry-failed-codes', text, values: [causes] });
      await sendWakeUp(client, 'write-back');
      return rowCount ?? 0;
    });
    again += count;
    if (count < chunk) return again;
  }
}

/**
 * Has the code of one account sent now: a failed one with all its tries, a waiting one without waiting. The
 * transaction is the caller's.
 * @returns whether there was one
 */
export async function retryOne(client: Queryable, accountId: string): Promise<boolean> {
  await lockAccountWrites(client);
  const { rowCount } = await client.query({
    name: 'retry-code',
    text: `update accounts set ${waitingAgain}
            where id = $1 and code_state in ('failed', 'pending') and signup_code is not null and not deleted`,
    values: [accountId],
  });
  await sendWakeUp(client, 'write-back');
  return rowCount === 1;
}

const waitingAgain = `code_state = 'pending', code_due_at = 'epoch', code_tries = 0, code_refusals = 0,
  changed_at = clock_timestamp(), revision = revision + 1`;
