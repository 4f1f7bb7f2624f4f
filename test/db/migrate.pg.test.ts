import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

describe('migrations', () => {
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

  it('are applied once, also when several processes start at once', async () => {
    await database.pool.query('drop schema public cascade; create schema public');
    const applied = await Promise.all([
      migrate(database.pool),
      migrate(database.pool),
      migrate(database.pool),
    ]);
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await migrate(database.pool)).toEqual([]);
  });

  it('agree with the Prisma schema: every model can be read', async () => {
    const { prisma } = database;
    const counts = await Promise.all([
      prisma.account.findMany(),
      prisma.event.findMany(),
      prisma.eventSchema.findMany(),
      prisma.subscription.findMany(),
      prisma.resync.findMany(),
    ]);
    expect(counts).toEqual([[], [], [], [], []]);
  });

  it('refuse a migration that was edited after it had been applied', async () => {
    await database.pool.query("update _prisma_migrations set checksum = 'other'");
    await expect(migrate(database.pool)).rejects.toThrow(/was edited after it had been applied/);
  });

  it('refuse a database that a newer version has migrated', async () => {
    await database.pool.query("update _prisma_migrations set migration_name = '29990101000000_future'");
    await expect(migrate(database.pool)).rejects.toThrow(/newer Tidemark \(29990101000000_future\)/);
  });
});
