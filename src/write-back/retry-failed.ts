import type pg from 'pg';
import { markChangedAccounts } from '../codes/changed-codes.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
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
  const text = makePending(`account_id in (
    select c.account_id from signup_codes c join accounts a on a.id = c.account_id
     where c.state = 'failed' and not a.deleted and c.code is not null
       and c.error ->> 'code' = any($1::text[]) order by c.account_id limit ${maxPerTransaction})`);
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
    text: makePending(`account_id = $1 and state in ('failed', 'pending') and code is not null
      and exists (select from accounts a where a.id = $1 and not a.deleted)`),
    values: [accountId],
  });
  await sendWakeUp(client, 'write-back');
  return rowCount === 1;
}

/** SQL that makes codes pending and due. */
function makePending(where: string): string {
  return `with changed as (
    update signup_codes set state = 'pending', due_at = 'epoch', tries = 0, refusals = 0 where ${where}
    returning account_id
  ), ${markChangedAccounts} select from changed`;
}
