import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount, insertEvent, uuid } from './rows.ts';
import { nextPage, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

const [acme = '', bolt = '', quiet = ''] = [1, 2, 3].map(accountId);
const numbers: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await insertEvents();
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

async function insertEvents(): Promise<void> {
  const { prisma } = server.database;
  await insertAccount(prisma, acme, { name: 'Acme' });
  await insertAccount(prisma, quiet, { name: 'Quiet' });
  const at = (hour: number) => new Date(Date.UTC(2026, 10, 23, hour));
  const created = { recordIds: [acme], changeType: 'CREATE', transactionKey: 'tx-1', sequenceNumber: 1 };
  numbers.push(
    await insertEvent(
      prisma,
      {
        ...created,
        eventId: uuid(1),
        receivedAt: at(8),
        appliedAt: at(8),
        entityName: 'Account',
        commitTimestamp: at(8),
        commitNumber: 1_763_900_000_000_000_001n,
        commitUser: '005al000001AAAAAA2',
        changeOrigin: 'com/salesforce/api/rest/66.0',
        replayId: new Uint8Array([0, 0, 0, 0, 0, 1, 0, 0]),
      },
      { Name: 'Acme', Industry: 'Energy' },
    ),
    await insertEvent(
      prisma,
      {
        eventId: uuid(2),
        receivedAt: at(9),
        recordIds: [acme, bolt],
        transactionKey: 'tx-2',
        changedFields: ['Industry', 'BillingAddress.City'],
      },
      { Industry: null, BillingAddress: { City: 'Oslo' } },
    ),
    await insertEvent(prisma, {
      eventId: uuid(3),
      receivedAt: at(10),
      recordIds: [bolt],
      changeType: 'DELETE',
      transactionKey: 'tx-2',
      state: 'skipped',
    }),
    await insertEvent(prisma, {
      eventId: uuid(4),
      receivedAt: at(11),
      recordIds: [acme],
      state: 'failed',
      error: 'The schema is gone.',
      payload: new Uint8Array([1, 2, 3]),
    }),
  );
  // The columns of an event that waits are still empty, the arrays even NULL.
  numbers.push(await insertEvent(prisma, { eventId: uuid(5), receivedAt: at(12), state: 'stored' }));
}

describe('the list of events', () => {
  test.each([
    ['', [5, 4, 3, 2, 1]],
    ['state=applied', [2, 1]],
    ['state=stored', [5]],
    ['state=skipped', [3]],
    ['state=failed', [4]],
    ['state=repaired', []],
    ['state=dismissed', []],
    ['changeType=DELETE', [3]],
    ['changeType=GAP_OVERFLOW', []],
    [`recordId=${acme}`, [4, 2, 1]],
    [`recordId=${bolt.slice(0, 15)}`, [3, 2]],
    ['transactionKey=tx-2', [3, 2]],
    ['since=2026-11-23T10:00:00Z', [5, 4, 3]],
    ['until=2026-11-23T10:00:00Z', [2, 1]],
    ['since=2026-11-23T09:00:00Z&until=2026-11-23T11:00:00Z', [3, 2]],
    [`recordId=${acme}&state=applied`, [2, 1]],
  ])('the event filter %j selects the expected events, newest first', async (query, expected) => {
    expect(await walk(`/v1/events?${query}`)).toEqual(expected.map((n) => numbers[n - 1]));
    expect(await walk(`/v1/events?${query}&limit=1`)).toEqual(expected.map((n) => numbers[n - 1]));
  });

  test('an event shows what is known of it with numbers beyond 2^53 as text', async () => {
    const response = await server.send('get', '/v1/events?transactionKey=tx-1');
    expect(response.body.data).toEqual([
      {
        id: numbers[0],
        eventId: uuid(1),
        topic: '/data/AccountChangeEvent',
        source: 'stream',
        schemaId: 'i8wgJwwM-AVcDbFkbRl5Nw',
        state: 'applied',
        error: null,
        position: '1',
        receivedAt: '2026-11-23T08:00:00.000Z',
        appliedAt: '2026-11-23T08:00:00.000Z',
        duplicateOf: null,
        dismissal: null,
        entityName: 'Account',
        changeType: 'CREATE',
        recordIds: [acme],
        transactionKey: 'tx-1',
        sequenceNumber: 1,
        commitTimestamp: '2026-11-23T08:00:00.000Z',
        commitNumber: '1763900000000000001',
        commitUser: '005al000001AAAAAA2',
        changeOrigin: 'com/salesforce/api/rest/66.0',
        changedFields: [],
      },
    ]);
  });

  test.each([
    ['state=lost', 'state'],
    ['changeType=update', 'changeType'],
    ['recordId=001', 'recordId'],
    ['recordId=001al0000000001AAB', 'recordId'],
    ['since=1', 'since'],
    ['until=0000-01-01T00:00:00Z', 'until'],
    ['transactionKey=', 'transactionKey'],
    ['limit=0', 'limit'],
    ['before=5', 'before'],
  ])('the event list refuses %s', async (query, field) => {
    const response = await server.send('get', `/v1/events?${query}`);
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ field, message: expect.any(String) }]);
  });

  test('the event list refuses a cursor of another list', async () => {
    const { nextCursor } = (await server.send('get', '/v1/accounts?limit=1')).body;
    const response = await server.send('get', `/v1/events?cursor=${nextCursor}`);
    expect(response.body.errors).toEqual([{ field: 'cursor', message: expect.any(String) }]);
  });
});

describe('single events', () => {
  test('an event is found by its number and by its UUID and is decoded', async () => {
    const byNumber = await server.send('get', `/v1/events/${numbers[1]}`);
    expect(byNumber.body).toMatchObject({
      id: numbers[1],
      decoded: {
        header: { recordIds: [acme, bolt], changedFields: ['Industry', 'BillingAddress.City'] },
        fields: { Industry: null, BillingAddress: { City: 'Oslo' } },
      },
      decodeError: null,
    });
    for (const id of [uuid(2), uuid(2).toUpperCase()]) {
      expect((await server.send('get', `/v1/events/${id}`)).body).toEqual(byNumber.body);
    }
  });

  test('an event carries its bytes in base64', async () => {
    const { body } = await server.send('get', `/v1/events/${numbers[0]}`);
    expect(body.replayId).toBe('AAAAAAABAAA=');
    expect(JSON.parse(Buffer.from(body.payload, 'base64').toString())).toMatchObject({
      fields: { Name: 'Acme' },
    });
  });

  test('an event that can not be decoded is shown with the reason', async () => {
    const { body } = await server.send('get', `/v1/events/${uuid(4)}`);
    expect(body).toMatchObject({
      state: 'failed',
      error: 'The schema is gone.',
      decoded: null,
      decodeError: 'Schema i8wgJwwM-AVcDbFkbRl5Nw does not fit the payload.',
      payload: 'AQID',
      replayId: null,
    });
  });

  test.each(['999999', '9223372036854775807', uuid(99)])('the event %s is not found', async (id) => {
    expect((await server.send('get', `/v1/events/${id}`)).status).toBe(404);
  });

  test.each(['0x1', '-1', '1.0', '9223372036854775808', '99999999999999999999', 'abc', "1'"])(
    'the text %s is not the id of an event',
    async (id) => {
      const response = await server.send('get', `/v1/events/${id}`);
      expect(response.status).toBe(400);
      expect(response.body.errors).toEqual([{ field: 'id', message: expect.any(String) }]);
    },
  );
});

async function walk(path: string): Promise<string[]> {
  const seen: string[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const response = await server.send('get', next);
    expect(response.status, response.text).toBe(200);
    seen.push(...response.body.data.map(({ id }: { id: string }) => id));
    next = nextPage(response);
  }
  return seen;
}
