import type pg from 'pg';
import { type AccountChange, applyChanges, lockAccountWrites } from '../apply/apply-changes.ts';
import { enqueue } from '../apply/apply-events.ts';
import { type Change, deletedField } from '../apply/merge.ts';
import { toStorable } from '../apply/replaced-fields.ts';
import { laterVersion, readVersion } from '../apply/version.ts';
import { inTransaction } from '../db/database.ts';
import { isDataError } from '../db/is-data-error.ts';
import { closeRepaired, closeRepairedDifferences } from '../incidents/close-incidents.ts';
import { clearFailedRecords, saveFailedRecord } from '../incidents/failed-records.ts';
import { settleUnconfirmed } from '../incidents/unconfirmed-records.ts';
import type { AccountRead } from '../salesforce/records.ts';
import { proofOfDeletion } from './deletion/deletion-proof.ts';
import { clearInvisible, saveInvisible } from './deletion/invisible-rows.ts';
import { judgeAbsent, provenIds } from './deletion/judge-absent.ts';
import { decideAlone } from './deletion/settle-invisible.ts';
import { fieldsMetSince } from './read-plan.ts';
import type { Page, Reading, ResyncContext } from './reading.ts';
import type { ResyncCounts } from './resync-rows.ts';

export type AppliedReads = ResyncCounts & {
  /** Asked for by id, and neither in Salesforce nor in the mirror. */
  readonly unknownIds: readonly string[];
};

/**
 * Merges what was read in one transaction, together with what else belongs to it. Where the database refuses a record,
 * the others are merged without it.
 */
export async function applyPage(
  context: ResyncContext,
  reading: Reading,
  page: ReadPage,
  also: (client: pg.PoolClient, applied: AppliedReads) => Promise<void> = async () => {},
): Promise<void> {
  const merge = (how: typeof applyReads): Promise<void> =>
    inTransaction(context.pool, async (client) => also(client, await how(context, client, reading, page)));
  try {
    await merge(applyReads);
  } catch (error) {
    if (!isDataError(error)) throw error;
    await merge(applyEach);
  }
}

/** One record after the other, each undone by itself where the database refuses it. */
async function applyEach(
  context: ResyncContext,
  client: pg.PoolClient,
  reading: Reading,
  { reads, absent, ...rest }: ReadPage,
): Promise<AppliedReads> {
  let sum = await applyReads(context, client, reading, { ...rest, absent, reads: [] });
  for (const read of reads) {
    await client.query('savepoint record');
    try {
      sum = added(sum, await applyReads(context, client, reading, { ...rest, reads: [read], absent: [] }));
    } catch (error) {
      if (!isDataError(error)) throw error;
      await client.query('rollback to savepoint record');
      context.logger.error({ err: error, account: read.id }, 'record cannot be stored');
      await saveFailedRecord(client, context.topic, {
        accountId: read.id,
        error: (error as Error).message,
        resyncId: reading.resyncId,
      });
      sum = { ...sum, read: sum.read + 1, failed: sum.failed + 1 };
    }
    await client.query('release savepoint record');
  }
  return sum;
}

function added(a: AppliedReads, b: AppliedReads): AppliedReads {
  return {
    read: a.read + b.read,
    created: a.created + b.created,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    kept: a.kept + b.kept,
    deleted: a.deleted + b.deleted,
    failed: a.failed + b.failed,
    unknownIds: [...a.unknownIds, ...b.unknownIds],
  };
}

/** Merges what was read into the mirror, in the given transaction. */
export async function applyReads(
  context: ResyncContext,
  client: pg.PoolClient,
  reading: Reading,
  page: ReadPage,
): Promise<AppliedReads> {
  const { reads, absent } = page;
  const except = await fieldsMetSince(context, reading.schemaId, new Date(reading.readAt));
  // Whether an absent account exists in the mirror must not change until it is decided about.
  if (absent.length > 0) await lockAccountWrites(client);
  const { deletions, invisible, unknownIds } = await judgeAbsent(client, reading, absent);
  const changes = [
    ...reads.map((read) => toAccountChange(read, withKnown(reading, read, page), except)),
    ...deletions,
    ...(reading.resyncId === undefined ? await decideAlone(context, client, invisible) : []),
  ];
  if (reading.resyncId !== undefined) await saveInvisible(client, reading.resyncId, invisible);
  const applied = await applyChanges(client, changes, context.codes);
  await enqueue(client, context.jobs, applied);
  const ids = reads.map(({ id }) => id);
  const asked = [...ids, ...absent.map(({ id }) => id)];
  await settleUnconfirmed(client, asked, reading.readAt);
  await clearFailedRecords(client, asked);
  await clearInvisible(client, [...ids, ...provenIds(absent)], reading.readAt);
  await closeRepaired(client);
  await closeRepairedDifferences(client);
  return {
    read: reads.length,
    created: applied.created.length,
    updated: applied.updated.length,
    unchanged: applied.unchanged.length,
    kept: applied.newer.length,
    deleted: changes.filter(({ change }) => change.values.get(deletedField) === true).length,
    failed: 0,
    unknownIds,
  };
}

/** A record that was asked for by its id contains what the mirror knew of it before, whatever the stream has told. */
export function withKnown(reading: Reading, { id }: AccountRead, { known }: ReadPage): Reading {
  const own = known?.get(id);
  return own === undefined ? reading : { ...reading, watermark: laterVersion(reading.watermark, own) };
}

/** What was read at once. */
export type ReadPage = Pick<Page, 'reads' | 'absent' | 'known'>;

function toAccountChange(read: AccountRead, reading: Reading, except: ReadonlySet<string>): AccountChange {
  // Whether it gets a code is told by its age, which a reading always knows.
  const change = changeOfRead(read, reading, except);
  return { accountId: read.id, change, eligible: false, gap: false, ...ofResync(reading) };
}

function ofResync({ resyncId }: Reading): Pick<AccountChange, 'resyncId'> {
  return resyncId === undefined ? {} : { resyncId };
}

/** A record that was read is a change of all fields that the reading knows. */
export function changeOfRead(read: AccountRead, reading: Reading, unreadFields: ReadonlySet<string>): Change {
  const isDeleted = proofOfDeletion([{ source: 'row', isDeleted: read.deleted }]) !== null;
  return toStorable({
    version: readVersion(read.systemModstamp, reading.watermark, reading.readAt),
    kind: 'snapshot',
    values: new Map([...read.values, [deletedField, isDeleted]]),
    unreadFields,
  });
}
