import { inTransaction, type Queryable } from '../../db/database.ts';
import { applyPage } from '../apply-reads.ts';
import { readPagesById } from '../pages.ts';
import { type ResyncContext, startSnapshot } from '../snapshot.ts';
import { createSalesforceCalls } from '../within-budget.ts';
import { claimHeldResync, claimKeptAccounts, restartHeldResync } from './confirm-resync.ts';
import { unprovenWindowDays } from './deletion-proof.ts';
import { hasNoOpenResync } from './invisible-rows.ts';

// One query reads this many accounts.
const accountsPerCheck = 200;

/**
 * Checks whether accounts of a held resync are visible again or proven to be deleted. If so, the resync starts again
 * without a confirmation; it stops again if too many are still absent.
 */
export async function checkInvisibleAccounts(context: ResyncContext, signal: AbortSignal): Promise<void> {
  const id = await claimHeldResync(context.pool);
  if (id === undefined) return;
  const ids = await claimKeptAccounts(context.pool, id, accountsPerCheck);
  const { callWithinBudget } = createSalesforceCalls(context, signal);
  const snapshot = await startSnapshot(context, callWithinBudget);
  let known = 0;
  for await (const page of readPagesById({ context, snapshot, callWithinBudget }, ids)) {
    const proven = page.absent.filter(({ proof }) => proof !== null);
    known += page.reads.length + proven.length;
    await applyPage(context, snapshot, { reads: page.reads, absent: proven });
  }
  // No accounts are left if events have reported all of them.
  if (ids.length > 0 && known === 0) return;
  await inTransaction(context.pool, (client) => restartHeldResync(client, context.jobs.enqueueResync, id));
  context.logger.info({ resync: id, accounts: known }, 'resync restarted: accounts are visible again');
}

/** Claims accounts that no open resync covers, each about once an hour, for single re-reads. */
export async function claimInvisibleAccounts(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'check-invisible-accounts',
    text: `update invisible_accounts set checked_at = clock_timestamp()
            where account_id in (
              select account_id from invisible_accounts i
               where checked_at < now() - interval '1 hour'
                 and (case state when 'taken' then taken_at > now() - ${unprovenWindowDays} * interval '1 day'
                      else ${hasNoOpenResync} end)
               order by checked_at limit ${accountsPerCheck})
            returning account_id as id`,
  });
  return rows.map(({ id }) => id);
}
