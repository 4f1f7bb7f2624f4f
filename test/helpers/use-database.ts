import type pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** A migrated database of its own for a test file, with a pool. */
export function useDatabase(): DatabaseHandle {
  let test: TestDatabase | undefined;
  let database: Database | undefined;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = openDatabase({ url: test.url });
  });
  afterAll(async () => {
    await database?.close();
    await test?.drop();
  });
  const opened = (): Database => {
    if (database === undefined) throw new Error('there is no database yet');
    return database;
  };
  return {
    get url() {
      if (test === undefined) throw new Error('there is no database yet');
      return test.url;
    },
    get pool() {
      return opened().pool;
    },
    get prisma() {
      return opened().prisma;
    },
    async rows<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) {
      const { rows } = await this.pool.query<Row>(sql, values);
      return rows;
    },
  };
}

export type DatabaseHandle = Pick<Database, 'pool' | 'prisma'> & {
  readonly url: string;
  rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
};
