import { inTransaction, type Queryable } from '../../db/database.ts';
import { applyPage } from '../apply-reads.ts';
import { readPagesById } from '../pages.ts';
import { type ResyncContext, startSnapshot } from '../snapshot.ts';
import { createSalesforceCalls } from '../within-budget.ts';
import { claimHeldResync, claimKeptAccounts, restartHeldResync } from './confirm-resync.ts';
import { unprovenWindowDays } from './deletion-proof.ts';
import { hasNoOpenResync } from './invisible-rows.ts';

/** A look costs one query for so many accounts. */
const accountsPerLook = 200;

/**
 * Looks whether accounts that a resync keeps are visible again, or are proven to be deleted by now. Then it goes on
 * without a person: it reads everything again, and stops again if too many are still missing.
 */
export async function checkInvisibleAccounts(context: ResyncContext, signal: AbortSignal): Promise<void> {
  const id = await claimHeldResync(context.pool);
  if (id === undefined) return;
  const ids = await claimKeptAccounts(context.pool, id, accountsPerLook);
  const { callWithinBudget } = createSalesforceCalls(context, signal);
  const snapshot = await startSnapshot(context, callWithinBudget);
  let known = 0;
  for await (const page of readPagesById({ context, snapshot, callWithinBudget }, ids)) {
    const proven = page.absent.filter(({ proof }) => proof !== null);
    known += page.reads.length + proven.length;
    await applyPage(context, snapshot, { reads: page.reads, absent: proven });
  }
  // Events can have brought all of them back.
  if (ids.length > 0 && known === 0) return;
  await inTransaction(context.pool, (client) => restartHeldResync(client, context.jobs.enqueueResync, id));
  context.logger.info({ resync: id, accounts: known }, 'accounts are visible again; the resync starts again');
}

/** Accounts without an open resync that stands for them: single re-reads look for them, each about once an hour. */
export async function claimInvisibleAccounts(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'check-invisible-accounts',
    text: `update invisible_accounts set checked_at = clock_timestamp()
            where account_id in (
              select account_id from invisible_accounts i
               where checked_at < now() - interval '1 hour'
                 and (case state when 'taken' then taken_at > now() - ${unprovenWindowDays} * interval '1 day'
                      else ${hasNoOpenResync} end)
               order by checked_at limit ${accountsPerLook})
            returning account_id as id`,
  });
  return rows.map(({ id }) => id);
}
