import type pg from 'pg';
import { measureConfirmed } from '../activity.ts';
import { applyChanges } from '../apply/apply-changes.ts';
import { enqueue } from '../apply/apply-events.ts';
import { type Change, deletedField } from '../apply/merge.ts';
import type { AccountChange, ApplyResult } from '../apply/plan-patch.ts';
import { toStorable } from '../apply/replaced-fields.ts';
import { laterVersion, readVersion } from '../apply/version.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction, sentTogether } from '../db/database.ts';
import { isDataError } from '../db/database-fault.ts';
import { closeRepaired, closeRepairedDifferences } from '../incidents/close-incidents.ts';
import { clearFailedRecords, saveFailedRecord } from '../incidents/failed-records.ts';
import { clearUnconfirmed } from '../incidents/unconfirmed-records.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import type { AccountRead } from '../salesforce/records.ts';
import { classifyAbsent, provenIds } from './deletion/classify-absent.ts';
import { proofOfDeletion } from './deletion/deletion-proof.ts';
import { clearInvisible, saveInvisible } from './deletion/invisible-rows.ts';
import { settleReread } from './deletion/settle-invisible.ts';
import { insertNewReads, noneInserted } from './insert-reads.ts';
import { findUnreadFields } from './read-plan.ts';
import { noCounts, type ResyncCounts } from './resync-rows.ts';
import type { Page, ResyncContext, Snapshot } from './snapshot.ts';

export type AppliedReads = ResyncCounts & {
  /** Requested by id, and neither in Salesforce nor in the mirror. */
  readonly unknownIds: readonly string[];
  readonly confirmed: ApplyResult['confirmed'];
};

/**
 * Merges a page in one transaction. If the database refuses a record, the others are merged without it.
 * @param also more work in the same transaction
 */
export async function applyPage(
  context: ResyncContext,
  snapshot: Snapshot,
  page: ReadPage,
  also: (client: pg.PoolClient, applied: AppliedReads) => Promise<void> = async () => {},
): Promise<void> {
  const mergeBy = async (method: typeof applyReads): Promise<void> => {
    const { confirmed } = await inTransaction(context.pool, async (client) => {
      const applied = await method(context, client, snapshot, page);
      await also(client, applied);
      return applied;
    });
    measureConfirmed(context.activity, confirmed);
  };
  try {
    await mergeBy(applyReads);
  } catch (error) {
    if (!isDataError(error)) throw error;
    await mergeBy(applyEach);
  }
}

/** Merges record by record; a savepoint undoes one that the database refuses. */
async function applyEach(
  context: ResyncContext,
  client: pg.PoolClient,
  snapshot: Snapshot,
  { reads, absent, ...rest }: ReadPage,
): Promise<AppliedReads> {
  let sum = await applyReads(context, client, snapshot, { ...rest, absent, reads: [] });
  for (const read of reads) {
    await client.query('savepoint record');
    try {
      sum = added(sum, await applyReads(context, client, snapshot, { ...rest, reads: [read], absent: [] }));
    } catch (error) {
      if (!isDataError(error)) throw error;
      await client.query('rollback to savepoint record');
      context.logger.error({ err: error, account: read.id }, 'record cannot be stored');
      await saveFailedRecord(client, context.topic, {
        accountId: read.id,
        error: (error as Error).message,
        resyncId: snapshot.resyncId,
      });
      sum = { ...sum, read: sum.read + 1, failed: sum.failed + 1 };
    }
    await client.query('release savepoint record');
  }
  return sum;
}

function added(a: AppliedReads, b: AppliedReads): AppliedReads {
  const sum = { ...noCounts };
  for (const name of Object.keys(sum) as (keyof ResyncCounts)[]) sum[name] = a[name] + b[name];
  return {
    ...sum,
    unknownIds: [...a.unknownIds, ...b.unknownIds],
    confirmed: [...a.confirmed, ...b.confirmed],
  };
}

/** Merges a page into the mirror, in the given transaction. */
export async function applyReads(
  context: ResyncContext,
  client: pg.PoolClient,
  snapshot: Snapshot,
  page: ReadPage,
): Promise<AppliedReads> {
  const { reads, absent } = page;
  const unreadFields = await findUnreadFields(context, client, snapshot.schemaId, new Date(snapshot.readAt));
  // The lock also keeps an absent account in its state until it is classified.
  await lockAccountWrites(client);
  const { deletions, invisible, unknownIds } = await classifyAbsent(client, snapshot, absent);
  const table = await loadMirror(client);
  const isWhole = snapshot.onlyFields === undefined && unreadFields.size === 0 && page.known === undefined;
  const inserted =
    isWhole && reads.length > 0
      ? await insertNewReads(client, table, context.codes, snapshot, reads)
      : noneInserted;
  const others = reads.filter(({ id }) => !inserted.ids.has(id));
  const changes = [
    ...others.map((read) => toAccountChange(read, includeKnownVersion(snapshot, read, page), unreadFields)),
    ...deletions,
    ...(snapshot.resyncId === undefined ? await settleReread(context, client, invisible) : []),
  ];
  if (snapshot.resyncId !== undefined) await saveInvisible(client, snapshot.resyncId, invisible);
  const applied = await applyChanges(client, changes, context.codes);
  await enqueue(client, context.jobs, {
    ...applied,
    writeBacks: [...applied.writeBacks, ...inserted.writeBacks],
  });
  const ids = reads.map(({ id }) => id);
  const requested = [...ids, ...absent.map(({ id }) => id)];
  await sentTogether([
    clearUnconfirmed(client, requested, snapshot.readAt),
    clearFailedRecords(client, requested),
    clearInvisible(client, [...ids, ...provenIds(absent)], snapshot.readAt),
  ]);
  await closeRepaired(client);
  await closeRepairedDifferences(client);
  return {
    read: reads.length,
    created: applied.created.length + inserted.ids.size,
    updated: applied.updated.length,
    unchanged: applied.unchanged.length,
    kept: applied.newer.length,
    deleted:
      changes.filter(({ change }) => change.values.get(deletedField) === true).length +
      reads.filter(({ id, deleted }) => deleted && inserted.ids.has(id)).length,
    failed: 0,
    unknownIds,
    confirmed: applied.confirmed,
  };
}

/** A record requested by id contains what the mirror knew of it before the request, beyond the watermark too. */
export function includeKnownVersion(snapshot: Snapshot, { id }: AccountRead, { known }: ReadPage): Snapshot {
  const version = known?.get(id);
  return version === undefined
    ? snapshot
    : { ...snapshot, watermark: laterVersion(snapshot.watermark, version) };
}

export type ReadPage = Pick<Page, 'reads' | 'absent' | 'known'>;

function toAccountChange(
  read: AccountRead,
  snapshot: Snapshot,
  unreadFields: ReadonlySet<string>,
): AccountChange {
  const change = toChange(read, snapshot, unreadFields);
  const { resyncId } = snapshot;
  // Not eligible as new: the creation date of the record decides.
  return { accountId: read.id, change, eligible: false, gap: false, ...(resyncId && { resyncId }) };
}

/** A record as a change of the fields that the snapshot covers. */
export function toChange(read: AccountRead, snapshot: Snapshot, unreadFields: ReadonlySet<string>): Change {
  const version = readVersion(read.systemModstamp, snapshot.watermark, snapshot.readAt);
  const { onlyFields, clearedFields, keptFields } = snapshot;
  if (onlyFields !== undefined) {
    const cleared = clearedFields.map((name): [string, null] => [name, null]);
    const values = new Map([...read.values, ...cleared]);
    return toStorable({ version, kind: 'patch', values, readFields: onlyFields });
  }
  const isDeleted = proofOfDeletion([{ source: 'row', isDeleted: read.deleted }]) !== null;
  const values = new Map([...read.values, [deletedField, isDeleted]]);
  return toStorable({
    version,
    kind: 'snapshot',
    values,
    unreadFields,
    keptFields,
    modifiedAt: read.systemModstamp,
  });
}
