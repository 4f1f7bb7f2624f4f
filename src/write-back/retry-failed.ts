import type pg from 'pg';
import { lockAccountWrites } from '../apply/apply-changes.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';

// Small, because each transaction blocks the application of events.
const maxPerTransaction = 2_000;

/**
 * Makes all failed codes with these causes pending again and resets their attempts.
 * @param causes Salesforce's error codes
 * @returns the number of codes
 */
export async function retryFailed(pool: pg.Pool, causes: readonly string[]): Promise<number> {
  const text = `update accounts set ${setPending}
    where id in (select id from accounts
                  where code_state = 'failed' and not deleted and signup_code is not null
                    and code_error ->> 'code' = any($1::text[]) order by id limit ${maxPerTransaction})`;
  let total = 0;
  for (;;) {
    const count = await inTransaction(pool, async (client) => {
      await lockAccountWrites(client);
      const { rowCount } = await client.query({ name: 'retry-failed-codes', text, values: [causes] });
      await sendWakeUp(client, 'write-back');
      return rowCount ?? 0;
    });
    total += count;
    if (count < maxPerTransaction) return total;
  }
}

/**
 * Makes the failed or pending code of one account due now and resets its attempts. Runs in the transaction of the
 * caller.
 * @returns whether the account had such a code
 */
export async function retryOne(client: Queryable, accountId: string): Promise<boolean> {
  await lockAccountWrites(client);
  const { rowCount } = await client.query({
    name: 'retry-code',
    text: `update accounts set ${setPending}
            where id = $1 and code_state in ('failed', 'pending') and signup_code is not null and not deleted`,
    values: [accountId],
  });
  await sendWakeUp(client, 'write-back');
  return rowCount === 1;
}

const setPending = `code_state = 'pending', code_due_at = 'epoch', code_tries = 0, code_refusals = 0,
  changed_at = clock_timestamp(), revision = revision + 1`;
