import type pg from 'pg';
import { inTransaction, type Queryable } from '../../db/database.ts';
import { isPoison } from '../../db/is-poison.ts';
import type { AccountRead } from '../../salesforce/records.ts';
import { enqueue } from '../apply.ts';
import { type AccountChange, applyChanges } from '../apply-changes.ts';
import { clearFailedRecords, saveFailedRecord } from '../failed-records.ts';
import { closeRepaired, closeRepairedDifferences } from '../incident-rows.ts';
import { type Change, deletedField } from '../merge.ts';
import { fieldsMetSince } from '../read-plan.ts';
import { toStorable } from '../replaced-fields.ts';
import { settleUnconfirmed } from '../unconfirmed-records.ts';
import { laterVersion, parseVersion, readVersion, type Version } from '../version.ts';
import type { Page } from './pages.ts';
import type { Reading, ResyncContext } from './reading.ts';
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
    if (!isPoison(error)) throw error;
    await merge(applyEach);
  }
}

/** One record after the other, each undone by itself where the database refuses it. */
async function applyEach(
  context: ResyncContext,
  client: pg.PoolClient,
  reading: Reading,
  { reads, ...rest }: ReadPage,
): Promise<AppliedReads> {
  let sum = await applyReads(context, client, reading, { ...rest, reads: [] });
  for (const read of reads) {
    await client.query('savepoint record');
    try {
      sum = added(sum, await applyReads(context, client, reading, { ...rest, reads: [read], missing: [] }));
    } catch (error) {
      if (!isPoison(error)) throw error;
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
  const { reads, missing } = page;
  const except = await fieldsMetSince(context, reading.schemaId, new Date(reading.readAt));
  const known = await existingVersions(client, missing);
  const changes = [
    ...reads.map((read) => toAccountChange(read, withKnown(reading, read, page), except)),
    ...[...known].map(([id, version]) => toDeletion(id, version, reading)),
  ];
  const applied = await applyChanges(client, changes, context.codes);
  await enqueue(client, context.jobs, applied);
  await settleUnconfirmed(client, [...reads.map(({ id }) => id), ...missing], reading.readAt);
  await clearFailedRecords(client, [...reads.map(({ id }) => id), ...missing]);
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
    unknownIds: missing.filter((id) => !known.has(id)),
  };
}

/** A record that was asked for by its id contains what the mirror knew of it before, whatever the stream has told. */
export function withKnown(reading: Reading, { id }: AccountRead, { known }: ReadPage): Reading {
  const own = known?.get(id);
  return own === undefined ? reading : { ...reading, watermark: laterVersion(reading.watermark, own) };
}

/** What was read at once. */
export type ReadPage = Pick<Page, 'reads' | 'missing' | 'known'>;

function toAccountChange(read: AccountRead, reading: Reading, except: ReadonlySet<string>): AccountChange {
  // Whether it gets a code is told by its age, which a reading always knows.
  const change = changeOf(read, reading, except);
  return { accountId: read.id, change, eligible: false, gap: false, ...ofResync(reading) };
}

function ofResync({ resyncId }: Reading): Pick<AccountChange, 'resyncId'> {
  return resyncId === undefined ? {} : { resyncId };
}

/** A record that was read is a change of all fields that the reading knows. */
export function changeOf(read: AccountRead, reading: Reading, except: ReadonlySet<string>): Change {
  return toStorable({
    version: readVersion(read.systemModstamp, reading.watermark, reading.readAt),
    extent: 'all',
    values: new Map([...read.values, [deletedField, read.deleted]]),
    except,
  });
}

/** What Salesforce doesn't find, not even among the deleted, is gone for good: all that is known of it is older. */
function toDeletion(accountId: string, known: Version, reading: Reading): AccountChange {
  const { watermark, readAt } = reading;
  const version = readVersion(0, laterVersion(watermark, known), readAt);
  return {
    accountId,
    change: { version, extent: 'some', values: new Map([[deletedField, true]]) },
    eligible: false,
    gap: false,
    ...ofResync(reading),
  };
}

async function existingVersions(client: Queryable, ids: readonly string[]): Promise<Map<string, Version>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; version: string }>({
    name: 'existing-accounts',
    text: 'select id, version from accounts where id = any($1::text[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, version }) => [id, parseVersion(version)]));
}
