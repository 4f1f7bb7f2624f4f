import type pg from 'pg';
import { type AccountChange, applyChanges, lockAccountWrites } from '../../apply/apply-changes.ts';
import { enqueue } from '../../apply/apply-events.ts';
import { deletedField } from '../../apply/merge.ts';
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

// Deletions of one transaction: the stream waits for it.
const batchSize = 500;

/**
 * Decides, at the end of a resync, about the accounts that it did not find and that nothing proves to be deleted: within
 * the bound, or once a person has confirmed it, they are marked as deleted; beyond it the resync stops.
 * @returns false if it has stopped
 */
export async function settleInvisible(run: RunningResync): Promise<boolean> {
  if (await holdBeyondBound(run)) return false;
  while (await takeSome(run)) {}
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
    context.logger.warn({ resync: row.id, ...count }, 'resync needs confirmation: accounts are not visible');
    return true;
  });
}

/** @returns whether there may be more */
async function takeSome({ context, row }: RunningResync): Promise<boolean> {
  return inTransaction(context.pool, async (client) => {
    await lockAccountWrites(client);
    const kept = await readKept(client, row.id, batchSize);
    if (kept.length === 0) return false;
    await lockClaim(client, row);
    await take(context, client, kept, row.id);
    await addDeletedWithoutProof(client, row.id, kept.length);
    return true;
  });
}

/**
 * The same for accounts that were read without a resync, in the transaction that merges what was read.
 * @returns their deletions, to be merged; none beyond the bound
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
    logger.warn({ accounts: ids.length, ...count }, 'accounts are not visible; they are kept');
    return [];
  }
  await markDeletedWithoutProof(client, ids);
  logger.warn({ accounts: ids }, 'accounts marked as deleted without proof');
  return invisible.map((one) => toDeletion(one));
}

async function take(
  { codes, jobs }: ResyncContext,
  client: pg.PoolClient,
  invisible: readonly Invisible[],
  resyncId: string,
): Promise<void> {
  const deletions = invisible.map((one) => toDeletion(one, resyncId));
  await enqueue(client, jobs, await applyChanges(client, deletions, codes));
  await markDeletedWithoutProof(
    client,
    invisible.map(({ id }) => id),
  );
}

/** Whether proven or not: all that is known of the account is older. */
export function toDeletion({ id, version }: Invisible, resyncId?: string): AccountChange {
  return {
    accountId: id,
    change: { version, kind: 'patch', values: new Map([[deletedField, true]]) },
    eligible: false,
    gap: false,
    ...(resyncId === undefined ? {} : { resyncId }),
  };
}
