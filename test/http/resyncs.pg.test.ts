import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, uuid } from './rows.ts';
import { nextPage, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  const { resync } = server.database.prisma;
  const createdAt = new Date('2026-11-23T10:00:00.007Z');
  await resync.create({ data: { id: uuid(1), scope: 'all', reason: 'initial load', createdAt } });
  await resync.create({ data: { id: uuid(2), scope: 'all', reason: 'gap', createdAt } });
  await resync.create({
    data: {
      id: uuid(3),
      scope: 'accounts',
      reason: 'requested',
      accountIds: [accountId(1)],
      state: 'done',
      read: 1,
      updated: 1,
      requestedBy: 'writer',
      createdAt: new Date('2026-11-23T11:00:00Z'),
      startedAt: new Date('2026-11-23T11:00:01Z'),
      finishedAt: new Date('2026-11-23T11:00:02Z'),
    },
  });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('resyncs', () => {
  test('resyncs are listed newest first, also those of the same moment', async () => {
    const seen: string[] = [];
    let next: string | undefined = '/v1/resyncs?limit=1';
    while (next !== undefined) {
      const response = await server.send('get', next);
      seen.push(...response.body.data.map(({ id }: { id: string }) => id));
      next = nextPage(response);
    }
    expect(seen).toEqual([uuid(3), uuid(2), uuid(1)]);
  });

  test('resyncs are shown with their progress', async () => {
    const response = await server.send('get', `/v1/resyncs/${uuid(3)}`);
    expect(response.body).toEqual({
      id: uuid(3),
      scope: 'accounts',
      reason: 'requested',
      mode: 'repair',
      repairs: false,
      accountIds: [accountId(1)],
      fields: [],
      invalidIds: [],
      unknownIds: [],
      since: null,
      state: 'done',
      method: null,
      expected: null,
      percent: 100,
      waiting: null,
      kept: 0,
      read: 1,
      created: 0,
      updated: 1,
      unchanged: 0,
      deleted: 0,
      notVisible: 0,
      confirmedBy: null,
      confirmedAt: null,
      failed: 0,
      error: null,
      certificate: expect.objectContaining({ rowsRead: 1, rowsOverwritten: 1, position: null }),
      verification: null,
      requestedBy: 'writer',
      createdAt: '2026-11-23T11:00:00.000Z',
      startedAt: '2026-11-23T11:00:01.000Z',
      finishedAt: '2026-11-23T11:00:02.000Z',
    });
    expect((await server.send('get', '/v1/resyncs?limit=1')).body.data).toEqual([response.body]);
  });

  test('an unknown resync is not found', async () => {
    expect((await server.send('get', `/v1/resyncs/${uuid(99)}`)).status).toBe(404);
  });

  test.each(['1', 'x', `${uuid(1).slice(0, -1)}g`, "'"])(
    'the malformed resync id %s is not looked up',
    async (id) => {
      const response = await server.send('get', `/v1/resyncs/${id}`);
      expect(response.status).toBe(400);
      expect(response.body.errors).toEqual([{ field: 'id', message: 'must be a UUID' }]);
    },
  );
});
