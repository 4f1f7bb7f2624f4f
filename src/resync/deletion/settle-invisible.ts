import type pg from 'pg';
import { applyChanges } from '../../apply/apply-changes.ts';
import { enqueue } from '../../apply/apply-events.ts';
import { deletedField } from '../../apply/merge.ts';
import type { AccountChange } from '../../apply/plan-patch.ts';
import { lockAccountWrites } from '../../db/advisory-locks.ts';
import { inTransaction } from '../../db/database.ts';
import { lockClaim } from '../resync-claim.ts';
import type { ResyncContext, RunningResync } from '../snapshot.ts';
import { exceedsBound } from './deletion-proof.ts';
import { holdAccounts, holdResync } from './held-resync.ts';
import {
  addDeletedWithoutProof,
  countUnproven,
  type Invisible,
  markDeletedWithoutProof,
  readKept,
  saveInvisible,
} from './invisible-rows.ts';

// Deletions in one transaction, for whose lock the stream waits.
const batchSize = 500;

/**
 * Settles the absent accounts without proof at the end of a resync: they are marked as deleted if their number is within
 * the bound or confirmed; else the resync stops.
 * @returns false if it has stopped
 */
export async function settleInvisible(run: RunningResync): Promise<boolean> {
  if (await holdBeyondBound(run)) return false;
  while (await deleteBatch(run)) {}
  return true;
}

async function holdBeyondBound({ context, row }: RunningResync): Promise<boolean> {
  return inTransaction(context.pool, async (client) => {
    const [first] = await readKept(client, row.id, 1);
    if (first === undefined || first.confirmed) return false;
    await lockAccountWrites(client);
    const count = await countUnproven(client);
    if (!exceedsBound(count.absent, count.records)) return false;
    if (!(await holdResync(client, row, count))) return false;
    context.logger.warn({ resync: row.id, ...count }, 'resync needs confirmation: accounts not visible');
    return true;
  });
}

/** @returns whether there may be more */
async function deleteBatch({ context, row }: RunningResync): Promise<boolean> {
  return inTransaction(context.pool, async (client) => {
    await lockAccountWrites(client);
    const kept = await readKept(client, row.id, batchSize);
    if (kept.length === 0) return false;
    await lockClaim(client, row);
    const deletions = kept.map((account) => toDeletion(account, row.id));
    await enqueue(client, context.jobs, await applyChanges(client, deletions, context.codes));
    await markDeletedWithoutProof(
      client,
      kept.map(({ id }) => id),
    );
    await addDeletedWithoutProof(client, row.id, kept.length);
    return true;
  });
}

/**
 * Settles absent accounts that were read without a resync, in the transaction that merges the read.
 * @returns deletions to merge; none beyond the bound
 */
export async function settleReread(
  { logger }: Pick<ResyncContext, 'logger'>,
  client: pg.PoolClient,
  invisible: readonly Invisible[],
): Promise<AccountChange[]> {
  if (invisible.length === 0) return [];
  const ids = invisible.map(({ id }) => id);
  await saveInvisible(client, null, invisible);
  const count = await countUnproven(client);
  if (exceedsBound(count.absent, count.records)) {
    await holdAccounts(client, ids, count);
    logger.warn({ accounts: ids.length, ...count }, 'accounts not visible; keeping them');
    return [];
  }
  await markDeletedWithoutProof(client, ids);
  logger.warn({ accounts: ids }, 'accounts marked as deleted without proof');
  return invisible.map((account) => toDeletion(account));
}

/** A deletion that is newer than all that is known of the account. */
export function toDeletion({ id, version }: Invisible, resyncId?: string): AccountChange {
  return {
    accountId: id,
    change: { version, kind: 'patch', values: new Map([[deletedField, true]]) },
    eligible: false,
    gap: false,
    ...(resyncId && { resyncId }),
  };
}
