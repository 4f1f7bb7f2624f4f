import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

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
    drop: () => run(maintenance, `drop database if exists ${name} with (force)`),
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
