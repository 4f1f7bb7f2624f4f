import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { prepareMirror } from '../../src/mirror/prepare-mirror.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';

describe('database migrations', () => {
  let test: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    test = await createTestDatabase();
    database = openDatabase({ url: test.url });
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  it('migrations are applied once when several processes start together', async () => {
    await database.pool.query('drop schema public cascade; create schema public');
    const applied = await Promise.all([
      migrate(database.pool),
      migrate(database.pool),
      migrate(database.pool),
    ]);
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await migrate(database.pool)).toEqual([]);
  });

  describe('an empty database', () => {
    beforeEach(() => database.pool.query('drop schema public cascade; create schema public'));

    const tables = async (): Promise<string[]> =>
      (
        await database.pool.query(`select tablename from pg_tables where schemaname = 'public' order by 1`)
      ).rows.map(({ tablename }) => tablename);
    it('npm run migrate creates the tables and the table of accounts', async () => {
      const settings = { DATABASE_URL: test.url, MIRROR_SCHEMA: 'crm' };
      const script = fileURLToPath(new URL('../../src/migrate.ts', import.meta.url));
      await promisify(execFile)(process.execPath, [script], { env: { ...process.env, ...settings } });
      expect(await migrate(database.pool)).toEqual([]);
      const { rows } = await database.pool.query('select id, name, signupcode__c from crm.account_live');
      expect(rows).toEqual([]);
    });

    /** Runs an action while a migration waits for a table that another session is creating. */
    const inTheMiddle = async (act: (pid: number) => Promise<unknown>): Promise<void> => {
      const other = await database.pool.connect();
      await other.query('begin; create table resyncs (id int)');
      const migrating = migrate(database.pool);
      migrating.catch(() => {});
      const pid = await eventually('the migration is under way', async () => {
        const { rows } = await database.pool.query<{ pid: number }>(
          `select pid from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows[0]?.pid;
      });
      await act(pid);
      await other.query('rollback');
      other.release();
      await expect(migrating).rejects.toThrow();
    };

    it('a process killed in the middle of a migration leaves nothing of it and the next start succeeds', async () => {
      await inTheMiddle((pid) => database.pool.query('select pg_terminate_backend($1)', [pid]));
      expect(await tables()).toEqual(['_prisma_migrations']);
      expect(await migrate(database.pool)).not.toEqual([]);
    });

    it('a statement that fails in the middle of a migration undoes all of it and the error gives the reason', async () => {
      await database.pool.query('create table resyncs (id int)');
      await expect(migrate(database.pool)).rejects.toThrow(
        /Migration \w+ failed: .*"resyncs" already exists/,
      );
      expect(await tables()).toEqual(['_prisma_migrations', 'resyncs']);
      await database.pool.query('drop table resyncs');
      expect(await migrate(database.pool)).not.toEqual([]);
    });

    it('a migration has no statement timeout and a second process waits for it', async () => {
      // Timeouts far below those of the service, to keep the test short.
      const hasty = openDatabase({
        url: `${test.url}?query_timeout=300&statement_timeout=200&lock_timeout=100`,
      });
      const first = await database.pool.connect();
      await first.query('select pg_advisory_lock(7245113001)');
      const second = migrate(hasty.pool);
      await eventually('the second has waited for longer than its limits', async () => {
        const { rows } = await database.pool.query(
          `select from pg_stat_activity where datname = current_database() and query like '%pg_advisory_lock%'
              and wait_event_type = 'Lock' and query_start < now() - interval '600 milliseconds'`,
        );
        return rows.length === 1;
      });
      await first.query('select pg_advisory_unlock(7245113001)');
      first.release();
      expect(await second).not.toEqual([]);
      await hasty.close();
    });
  });

  it('every model of the Prisma schema can be read from the migrated database', async () => {
    const { prisma } = database;
    await database.pool.query('drop schema if exists salesforce cascade');
    await prepareMirror(database.pool, { schema: 'salesforce', codeField: 'SignUpCode__c' });
    const counts = await Promise.all([
      prisma.account.findMany(),
      prisma.event.findMany(),
      prisma.eventSchema.findMany(),
      prisma.subscription.findMany(),
      prisma.resync.findMany(),
    ]);
    expect(counts).toEqual([[], [], [], [], []]);
  });

  it('a migration edited after it was applied is refused', async () => {
    await database.pool.query("update _prisma_migrations set checksum = 'other'");
    await expect(migrate(database.pool)).rejects.toThrow(/was edited after it had been applied/);
  });

  it('an older version starts next to a newer one unless columns were removed', async () => {
    await database.pool.query('drop schema public cascade; create schema public');
    await migrate(database.pool);
    const record = (name: string) =>
      database.pool.query(
        `insert into _prisma_migrations (id, checksum, migration_name, finished_at) values ($1, 'other', $1, now())`,
        [name],
      );
    await record('29990101000000_more');
    const newer: string[] = [];
    expect(await migrate(database.pool, (names) => newer.push(...names))).toEqual([]);
    expect(newer).toEqual(['29990101000000_more']);
    await record('29990201000000_less_contract');
    await expect(migrate(database.pool)).rejects.toThrow(/newer Tidemark \(29990201000000_less_contract\)/);
  });
});
