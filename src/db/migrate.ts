import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';
import { advisoryLocks } from './advisory-locks.ts';

const migrationsFolder = new URL('../../prisma/migrations/', import.meta.url);

// Milliseconds; the maximum of a timer. Zero would select the timeout of the pool.
const unlimited = { query_timeout: 2 ** 31 - 1 };

/**
 * Applies the missing migrations. It uses the folders and the table `_prisma_migrations` of Prisma, so it is
 * interchangeable with `prisma migrate deploy`. Each migration is one transaction; several processes may call this at
 * once.
 *
 * A version can start on a database that a newer one has migrated, because migrations only add. Those that remove
 * something have a name that ends in `_contract`.
 *
 * @param onNewer called with the names of migrations that this version does not know
 * @returns the names of the migrations that were applied
 * @throws if an applied migration was edited, or a newer version has removed something
 */
export async function migrate(
  pool: pg.Pool,
  onNewer: (names: readonly string[]) => void = () => {},
): Promise<string[]> {
  const migrations = await readMigrations();
  const client = await pool.connect();
  let broken = true;
  try {
    // A migration of large tables can take hours, and other processes wait for its end.
    await client.query('set lock_timeout = 0; set statement_timeout = 0');
    await client.query({
      ...unlimited,
      text: `select pg_advisory_lock(${advisoryLocks.migrations})`,
    });
    const applied = await applyMissingMigrations(client, migrations, onNewer);
    await client.query(`select pg_advisory_unlock(${advisoryLocks.migrations})`);
    await client.query('reset lock_timeout; reset statement_timeout');
    broken = false;
    return applied;
  } finally {
    // Closing the connection also releases the lock.
    client.release(broken);
  }
}

async function applyMissingMigrations(
  client: pg.PoolClient,
  migrations: Migration[],
  onNewer: (names: readonly string[]) => void,
): Promise<string[]> {
  await client.query(createRecordTable);
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    'select migration_name, checksum from _prisma_migrations where finished_at is not null and rolled_back_at is null',
  );
  const known = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  const newer = [...known.keys()].filter((name) => !migrations.some((migration) => migration.name === name));
  const contraction = newer.find((name) => name.endsWith('_contract'));
  if (contraction !== undefined) {
    throw new Error(
      `The database was migrated by a newer Tidemark (${contraction}); start that version instead.`,
    );
  }
  if (newer.length > 0) onNewer(newer);
  const applied: string[] = [];
  for (const migration of migrations) {
    const checksum = known.get(migration.name);
    if (checksum === undefined) {
      await applyMigration(client, migration);
      applied.push(migration.name);
    } else if (checksum !== migration.checksum) {
      throw new Error(`Migration ${migration.name} was edited after it had been applied.`);
    }
  }
  return applied;
}

async function applyMigration(client: pg.PoolClient, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query({ ...unlimited, text: sql });
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (error) {
    // If the connection is lost, the transaction is rolled back anyway.
    await client.query('rollback').catch(() => {});
    throw new Error(`Migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}

async function readMigrations(): Promise<Migration[]> {
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(new URL(`${name}/migration.sql`, migrationsFolder), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

// As `prisma migrate` creates it.
const createRecordTable = `
  create table if not exists _prisma_migrations (
    id varchar(36) primary key,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`;

type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };
