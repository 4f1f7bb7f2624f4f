import type { Connection } from 'jsforce';
import type pg from 'pg';
import type { Logger } from 'pino';
import { inTransaction, type Queryable } from '../db/database.ts';
import {
  type AccountRead,
  type ReadPlan,
  readAccounts,
  readAccountsSince,
  readAllAccounts,
} from '../salesforce/records.ts';
import { enqueue } from './apply.ts';
import { type AccountChange, applyChanges } from './apply-changes.ts';
import type { CodeRules } from './code-rules.ts';
import { closeByResync, closeRepaired, markRepairing } from './incident-rows.ts';
import type { Jobs } from './jobs.ts';
import { deletedField } from './merge.ts';
import { countResync, finishResync, type ResyncCounts, type ResyncRow, startResync } from './resync-rows.ts';
import { markLoaded, readSubscription, readWatermark } from './subscription-rows.ts';
import { formatVersion, laterVersion, parseVersion, readVersion, type Version } from './version.ts';

export type ResyncContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codes: CodeRules;
  /** Whether accounts that existed before get codes too. */
  readonly backfill: boolean;
  readonly connection: Connection;
  readonly readPlan: () => Promise<ReadPlan>;
  readonly jobs: Jobs;
  readonly logger: Logger;
};

/** The most ids that one query names; fewer where many fields fill the address of the request. */
const idsPerQuery = 200;

/** Carries out a requested resync from its beginning to its end. One that has ended already is left alone. */
export async function runResync(context: ResyncContext, id: string, signal: AbortSignal): Promise<void> {
  const reading = await beginReading(context);
  const resync = await startResync(context.pool, id, formatVersion(reading.watermark));
  if (resync === undefined) return;
  await markRepairing(context.pool, { resyncId: id });
  for await (const page of pagesOf(context, resync, reading)) {
    signal.throwIfAborted();
    await inTransaction(context.pool, async (client) => {
      await countResync(client, id, await applyReads(context, client, reading, page));
    });
  }
  await inTransaction(context.pool, async (client) => {
    await finishResync(client, id);
    await closeByResync(client, id);
    if (resync.scope === 'all') await markLoaded(client, context.topic);
  });
  context.logger.info({ resync: id, scope: resync.scope, reason: resync.reason }, 'resync done');
}

/** Reads these accounts again and merges what Salesforce holds. */
export async function rereadAccounts(context: ResyncContext, ids: readonly string[]): Promise<void> {
  const reading = await beginReading(context);
  await markRepairing(context.pool, { accountIds: ids });
  for (const page of await byId(context, reading, ids)) {
    await inTransaction(context.pool, async (client) => {
      await applyReads(context, client, reading, page);
    });
  }
}

/** One reading: everything that it finds contains all changes up to its watermark. */
type Reading = {
  readonly plan: ReadPlan;
  readonly watermark: Version;
  /** Epoch milliseconds. */
  readonly readAt: number;
  /** Accounts created from this moment on are new to Tidemark. */
  readonly newSince: Date;
};

async function beginReading({ pool, topic, readPlan }: ResyncContext): Promise<Reading> {
  const plan = await readPlan();
  const { startedAt } = await readSubscription(pool, topic);
  // The watermark is taken before anything is asked for.
  const watermark = await readWatermark(pool, topic);
  return {
    plan,
    watermark,
    readAt: Date.now(),
    newSince: new Date(Math.floor(startedAt.getTime() / 1000) * 1000),
  };
}

type Page = { readonly reads: readonly AccountRead[]; readonly missing: readonly string[] };

async function* pagesOf(context: ResyncContext, resync: ResyncRow, reading: Reading): AsyncGenerator<Page> {
  const { connection, pool } = context;
  if (resync.scope === 'accounts') {
    yield* await byId(context, reading, resync.accountIds);
  } else if (resync.scope === 'since') {
    for await (const reads of readAccountsSince(connection, reading.plan, resync.since ?? new Date(0))) {
      yield { reads, missing: [] };
    }
  } else {
    for await (const reads of readAllAccounts(connection, reading.plan)) yield { reads, missing: [] };
    // What the mirror has and the reading did not bring is asked for by id: only that tells deleted from new.
    for await (const ids of unread(pool, reading.readAt)) yield* await byId(context, reading, ids);
  }
}

async function byId(
  { connection }: ResyncContext,
  { plan }: Reading,
  ids: readonly string[],
): Promise<Page[]> {
  const pages: Page[] = [];
  // An address may have 16,384 bytes; an id takes 26 of them, quotes and comma included.
  const room = Math.floor((14_000 - encodeURIComponent(plan.select).length) / 26);
  const size = Math.min(idsPerQuery, Math.max(1, room));
  for (let start = 0; start < ids.length; start += size) {
    const asked = ids.slice(start, start + size);
    const reads = await readAccounts(connection, plan, asked);
    const found = new Set(reads.map(({ id }) => id));
    pages.push({ reads, missing: asked.filter((id) => !found.has(id)) });
  }
  return pages;
}

/** Living accounts whose last complete value is older than this reading. */
async function* unread(pool: pg.Pool, readAt: number): AsyncGenerator<string[]> {
  for (let after = ''; ; ) {
    const { rows } = await pool.query<{ id: string }>({
      name: 'unread-accounts',
      text: `select id from accounts
              where id > $1 and not deleted and split_part(base_version, '.', 4)::bigint < $2
              order by id limit ${idsPerQuery}`,
      values: [after, readAt],
    });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(({ id }) => id);
    after = last.id;
  }
}

async function applyReads(
  { codes, backfill, jobs }: ResyncContext,
  client: pg.PoolClient,
  reading: Reading,
  { reads, missing }: Page,
): Promise<ResyncCounts> {
  const known = await existing(client, missing);
  const changes = [
    ...reads.map((read) => toChange(read, reading, backfill)),
    ...[...known].map(([id, version]) => toDeletion(id, version, reading)),
  ];
  const applied = await applyChanges(client, changes, codes);
  await enqueue(client, jobs, applied);
  await closeRepaired(client);
  return {
    read: reads.length,
    created: applied.created.length,
    updated: applied.updated.length,
    unchanged: applied.unchanged.length,
    deleted: changes.filter(({ change }) => change.values.get(deletedField) === true).length,
  };
}

function toChange(read: AccountRead, reading: Reading, backfill: boolean): AccountChange {
  const createdAt = read.values.get('CreatedDate');
  const isNew = typeof createdAt === 'string' && new Date(createdAt) >= reading.newSince;
  return {
    accountId: read.id,
    change: {
      version: readVersion(read.systemModstamp, reading.watermark, reading.readAt),
      extent: 'all',
      values: new Map([...read.values, [deletedField, read.deleted]]),
    },
    eligible: backfill || isNew,
    gap: false,
  };
}

/** What Salesforce doesn't find, not even among the deleted, is gone for good: all that is known of it is older. */
function toDeletion(accountId: string, known: Version, { watermark, readAt }: Reading): AccountChange {
  const version = readVersion(0, laterVersion(watermark, known), readAt);
  return {
    accountId,
    change: { version, extent: 'some', values: new Map([[deletedField, true]]) },
    eligible: false,
    gap: false,
  };
}

/** Those of the accounts that the mirror has, with their versions. */
async function existing(client: Queryable, ids: readonly string[]): Promise<Map<string, Version>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; version: string }>({
    name: 'existing-accounts',
    text: 'select id, version from accounts where id = any($1::text[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, version }) => [id, parseVersion(version)]));
}
