import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { eventually } from './eventually.ts';

export type TestDatabase = {
  readonly url: string;
  /** Cuts what is still connected and removes the database. */
  drop(): Promise<void>;
};

/** A database of its own for a test file, with all migrations applied. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const maintenance = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await run(maintenance, `create database ${name} template template_tidemark strategy file_copy`);
  return {
    url: maintenance.replace(/\/postgres$/, `/${name}`),
    async drop() {
      // Sessions end a moment after their connections are closed.
      const isUnused = async () =>
        (await run(maintenance, `select from pg_stat_activity where datname = '${name}'`)).rowCount === 0;
      await eventually('no session is left', isUnused, 1_000).catch(() => {});
      await run(maintenance, `drop database if exists ${name} with (force)`);
    },
  };
}

/** Runs a statement on a connection that all test files of this process share. */
async function run(url: string, sql: string): Promise<pg.QueryResult> {
  client ??= connect(url);
  return (await client).query(sql);
}

let client: Promise<pg.Client> | undefined;

async function connect(url: string): Promise<pg.Client> {
  const opened = new pg.Client({ connectionString: url, pipeline: true });
  // The server stops before the connection is closed.
  opened.on('error', () => {});
  await opened.connect();
  return opened;
}
