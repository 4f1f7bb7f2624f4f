import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/db/generated/client.ts';
import { countRows, createCounts } from '../../src/http/views/read-counts.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount, insertEvent, uuid } from './rows.ts';
import { startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('the status', () => {
  test('the status of a mirror that never started is all zero', async () => {
    const { body } = await server.send('get', '/v1/status');
    expect(body).toMatchObject({
      subscription: { topic: '/data/AccountChangeEvent', state: 'idle', position: null, stateSince: null },
      lagMilliseconds: null,
      replica: null,
      backlog: 0,
      counts: { accounts: { active: 0 }, events: { applied: 0 }, estimated: [] },
      lastErrors: [],
    });
  });

  test('the status shows how the mirror is doing', async () => {
    await fill();
    const { body } = await server.send('get', '/v1/status');
    expect(body).toEqual({
      health: 'healthy',
      reasons: [],
      calculatedFields: { names: [], refreshedAt: null },
      unreadableFields: [],
      unmirroredFields: [],
      freshThrough: null,
      verifiedThrough: null,
      freshness: { minutes: 0, under1s: 0, under5s: 0, under60s: 0 },
      subscription: {
        topic: '/data/AccountChangeEvent',
        organizationId: '00Dal000003nQ7bEAE',
        state: 'streaming',
        stateSince: '2026-11-23T10:00:00.000Z',
        lastError: { code: 'UNAVAILABLE' },
        lastEventAt: '2026-11-23T10:00:01.000Z',
        lastKeepaliveAt: null,
        position: 'AAAAAAABAAA=',
        loadedAt: null,
        holder: null,
        epoch: '0',
      },
      lagMilliseconds: null,
      replica: null,
      salesforceUrl: null,
      backlog: 2,
      counts: {
        accounts: {
          active: 2,
          deleted: 1,
          stale: 1,
          byCodeState: { none: 0, pending: 1, written: 0, confirmed: 1, failed: 0 },
        },
        incidents: { open: 0, repairing: 0 },
        events: { stored: 2, applied: 1, skipped: 1, failed: 6, repaired: 1, dismissed: 1 },
        estimated: [],
      },
      writeBack: {
        state: 'idle',
        since: null,
        reason: null,
        counts: { pending: 1, written: 0, confirmed: 1, failed: 0 },
        failures: [],
        lastErrors: [],
        api: { used: null, max: null, reservePercent: null, seenAt: null },
        backfill: null,
      },
      lastVerification: null,
      resyncs: [],
      lastErrors: [16, 15, 14, 13, 12].map((n) => ({
        id: expect.any(String),
        eventId: uuid(n),
        receivedAt: expect.any(String),
        error: `Broken ${n}.`,
      })),
    });
  });
});

test('a slow count is an estimate and is marked as one', async () => {
  const { pool } = server.database;
  const many = Prisma.sql`generate_series(1, 10000000) AS n`;
  expect(await countRows(pool, many)).toMatchObject({ count: 10_000_000, exact: false });
  expect(await countRows(pool, Prisma.sql`generate_series(1, 7) AS n`)).toMatchObject({
    count: 7,
    exact: true,
  });
});

test('a count of many rows is repeated for five seconds, one of few is always new', async () => {
  const { pool } = server.database;
  await pool.query(`insert into event_outcomes (event_id, source, state)
                    select 1000000 + n, 'stream', 'applied' from generate_series(1, 30000) n`);
  await pool.query('analyze event_outcomes');
  let now = 0;
  const readCounts = createCounts(pool, () => now);
  const before = await readCounts();
  await pool.query(
    `insert into event_outcomes (event_id, source, state) values (2000000, 'stream', 'applied')`,
  );
  await pool.query(
    `insert into incidents (topic, cause, extent, state, detail) values ('/data/AccountChangeEvent', 'gap event', 'all', 'open', '{}')`,
  );
  now = 4_999;
  const soon = await readCounts();
  expect(soon.events.applied).toBe(before.events.applied);
  expect(soon.incidents.open).toBe(before.incidents.open + 1);
  now = 5_000;
  expect((await readCounts()).events.applied).toBe(before.events.applied + 1);
});

async function fill(): Promise<void> {
  const { prisma } = server.database;
  await prisma.subscription.create({
    data: {
      topic: '/data/AccountChangeEvent',
      organizationId: '00Dal000003nQ7bEAE',
      state: 'streaming',
      stateSince: new Date('2026-11-23T10:00:00Z'),
      lastError: { code: 'UNAVAILABLE' },
      lastEventAt: new Date('2026-11-23T10:00:01Z'),
      replayId: new Uint8Array([0, 0, 0, 0, 0, 1, 0, 0]),
    },
  });
  await insertAccount(prisma, accountId(1), { codeState: 'confirmed' });
  await insertAccount(prisma, accountId(2), { codeState: 'pending', staleVersion: 'v2' });
  await insertAccount(prisma, accountId(3), { deleted: true, deletedAt: new Date() });
  const hourAgo = new Date(Date.now() - 3_600_000);
  await insertEvent(prisma, { eventId: uuid(1), state: 'stored', receivedAt: hourAgo });
  await insertEvent(prisma, { eventId: uuid(2), state: 'stored' });
  await insertEvent(prisma, { eventId: uuid(3), state: 'applied' });
  await insertEvent(prisma, { eventId: uuid(4), state: 'skipped' });
  for (let n = 11; n <= 16; n++) {
    await insertEvent(prisma, { eventId: uuid(n), state: 'failed', error: `Broken ${n}.` });
  }
  await insertEvent(prisma, { eventId: uuid(17), state: 'repaired', error: 'Broken.' });
  await insertEvent(prisma, { eventId: uuid(18), state: 'dismissed', error: 'Broken.' });
}
