import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runAsLeader } from '../../src/db/leader.ts';
import type { WakeUps } from '../../src/db/wake-up.ts';
import { ensureSubscription } from '../../src/ingest/subscription-rows.ts';
import { fieldIndexName } from '../../src/mirror/field-indexes.ts';
import { loadMirror } from '../../src/mirror/load-mirror.ts';
import { keepIndexes, maintainIndexes } from '../../src/mirror/maintain-indexes.ts';
import { ensureColumns } from '../../src/mirror/prepare-mirror.ts';
import { eventually } from '../helpers/eventually.ts';
import { silent } from '../helpers/silent-logger.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();
const topic = '/data/AccountChangeEvent';
const keepers: IndexKeeper[] = [];
const readers: (() => Promise<void>)[] = [];

type IndexKeeper = { readonly done: Promise<void>; stop(): Promise<void> };

const wakeUps = {
  next: (_: unknown, ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 20))),
} as WakeUps;

/** A process that creates these indexes when it leads. */
const keep = (...fields: string[]): IndexKeeper => {
  const stopping = new AbortController();
  const finished = Promise.withResolvers<void>();
  const context = {
    pool: database.pool,
    databaseUrl: database.url,
    topic,
    instance: { name: 'test', host: 'test', pid: process.pid },
    wakeUps,
    logger: pino({ level: 'silent' }),
  };
  const work = async (_: unknown, held: AbortSignal): Promise<void> => {
    const options = { pool: database.pool, databaseUrl: database.url, fields, logger: silent };
    await maintainIndexes(options, held).catch((error) => {
      if (!held.aborted) throw error;
    });
    finished.resolve();
    stopping.abort();
  };
  const ended = runAsLeader(context, [work], stopping.signal);
  const keeper = {
    done: finished.promise,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
  keepers.push(keeper);
  return keeper;
};

const indexes = async (): Promise<Record<string, boolean>> => {
  const rows = await database.rows<{ name: string; valid: boolean }>(
    `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid in ('salesforce.account'::regclass, 'account_texts'::regclass) and (c.relname like 'account\\_field\\_%' or c.relname like '%\\_search')
      order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, valid }) => [name, valid]));
};

const ofText = ['account_texts_search'];

const indexName = async (path: string): Promise<string> =>
  fieldIndexName(await loadMirror(database.pool), path);

const whole = async (...fields: string[]): Promise<Record<string, boolean>> =>
  Object.fromEntries([...(await Promise.all(fields.map(indexName))), ...ofText].map((name) => [name, true]));

/** A session that has read the table and not ended the transaction: building an index waits for it. */
const reader = async (): Promise<{ leave(): Promise<void> }> => {
  const client = await database.pool.connect();
  await client.query('begin; select 1 from salesforce.account limit 1');
  await client.query(`update salesforce.account set name = name where id = ''`);
  let isHere = true;
  const leave = async (): Promise<void> => {
    if (!isHere) return;
    isHere = false;
    await client.query('rollback');
    client.release();
  };
  readers.push(leave);
  return { leave };
};

const building = (): Promise<boolean> =>
  eventually('an index is being built', async () => {
    const rows = await database.rows(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query like '% index concurrently%'`,
    );
    return rows.length === 1;
  });

beforeAll(() => ensureSubscription(database.pool, topic, null));

afterEach(async () => {
  for (const leave of readers.splice(0)) await leave();
  for (const keeper of keepers.splice(0)) await keeper.stop();
});

describe('indexes that settings require', () => {
  it('missing indexes are created and indexes that are no longer named are dropped', async () => {
    const long = `A${'b'.repeat(70)}__c`;
    await keep('Industry', 'BillingAddress.City', long).done;
    expect(await indexes()).toEqual(await whole('Industry', 'BillingAddress.City', long));
    await keep('Industry').done;
    expect(await indexes()).toEqual(await whole('Industry'));
  });

  it('two processes that start together create each index once', async () => {
    await Promise.all([keep('Phone', 'Industry').done, keep('Phone', 'Industry').done]);
    expect(await indexes()).toEqual(await whole('Phone', 'Industry'));
  });

  it('indexes are created while accounts are read and written', async () => {
    const someone = await reader();
    const keeper = keep('Rating');
    await building();
    await database.pool.query(
      `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
       values ('001al0000000001AAA', '{"Rating": "Hot"}', 'v1', '{}', 'v1', now(), now())`,
    );
    await someone.leave();
    await keeper.done;
    expect(await indexes()).toEqual(await whole('Rating'));
  });

  it('an index left half built by a stopped process is rebuilt by the next one', async () => {
    const someone = await reader();
    const keeper = keep('Type', 'Rating');
    await building();
    await keeper.stop();
    expect(await indexes()).toEqual({ ...(await whole('Rating')), [await indexName('Type')]: false });
    await someone.leave();
    await keep('Type', 'Rating').done;
    expect(await indexes()).toEqual(await whole('Type', 'Rating'));
  });

  it('an index that cannot be built is logged and built once the cause is corrected', async () => {
    const stopping = new AbortController();
    const errors: unknown[] = [];
    const logger = { ...silent, warn: ({ err }: { err?: unknown }) => errors.push(String(err)) };
    const options = { pool: database.pool, databaseUrl: database.url, fields: ['Website'], logger, wakeUps };
    await database.pool.query(`
      create function no_indexes() returns event_trigger language plpgsql as $$ begin raise 'the disk is full'; end $$;
      create event trigger no_indexes on ddl_command_start when tag in ('CREATE INDEX') execute function no_indexes()`);
    const keeping = keepIndexes(options, stopping.signal, 10);
    await eventually('two failures', () => errors.length >= 2);
    expect(errors).toEqual(errors.map(() => 'error: the disk is full'));
    await database.pool.query('drop event trigger no_indexes; drop function no_indexes');
    const wanted = await whole('Website');
    await eventually('the index is there', async () => isDeepStrictEqual(await indexes(), wanted));
    stopping.abort();
    await keeping;
  });

  it('the index of a field whose column is added later is created again on the column', async () => {
    const stopping = new AbortController();
    const options = {
      pool: database.pool,
      databaseUrl: database.url,
      fields: ['Fax'],
      logger: silent,
      wakeUps,
    };
    const keeping = keepIndexes(options, stopping.signal);
    const before = await whole('Fax');
    await eventually('the index is there', async () => isDeepStrictEqual(await indexes(), before));
    await ensureColumns(database.pool, [{ name: 'Fax', parts: [], kind: 'plain' }], false);
    const after = await whole('Fax');
    expect(after).not.toEqual(before);
    await eventually('the index is on the column', async () => isDeepStrictEqual(await indexes(), after));
    stopping.abort();
    await keeping;
  });

  it('the trigram index is created as soon as the extension is available', async () => {
    await database.pool.query('drop extension pg_trgm cascade');
    expect(Object.keys(await indexes()).filter((name) => ofText.includes(name))).toEqual([]);
    await keep().done;
    expect(await indexes()).toEqual(await whole());
  });

  it('a missing trigram extension is logged and the other indexes are created', async () => {
    await database.pool.query('drop extension pg_trgm cascade');
    const name = new URL(database.url).pathname.slice(1);
    const role = `plain_${name}`;
    await database.pool.query(
      `create role ${role} login password 'plain'; alter table salesforce.account owner to ${role};
       grant all on schema public, salesforce to ${role}; grant select on all tables in schema public to ${role}`,
    );
    const url = database.url.replace(/\/\/[^@]+@/, `//${role}:plain@`);
    const warnings: object[] = [];
    const logger = { ...silent, warn: (what: object) => warnings.push(what) };
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const options = { pool, databaseUrl: url, fields: ['Industry'], logger };
    await maintainIndexes(options, new AbortController().signal);
    await pool.end();
    expect(await indexes()).toEqual({ [await indexName('Industry')]: true });
    expect(warnings).toEqual([{ reason: 'permission denied to create extension "pg_trgm"' }]);
    await database.pool.query(
      `alter table salesforce.account owner to current_user; drop owned by ${role}; drop role ${role}`,
    );
  });
});
