import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Prisma } from '../../src/db/generated/client.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, uuid } from './rows.ts';
import { nextPage, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

const done = { state: 'done', finishedAt: new Date('2026-11-24T10:05:00Z') } as const;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await insertResync(1, { ...done, scope: 'all', mode: 'verify', read: 1_000, different: 23, repairs: true });
  await insertResync(2, {
    ...done,
    read: 10,
    created: 1,
    updated: 2,
    kept: 3,
    method: 'bulk',
    bulkJobId: '750al000000AAAAAA2',
    watermark: 'w',
    position: new Uint8Array([0, 0, 0, 1]),
    readAt: new Date('2026-11-24T10:00:00Z'),
    eventsMeanwhile: 4,
  });
  await insertResync(3, { state: 'reading', mode: 'verify', read: 999, expected: 1_000, scope: 'all' });
  // A later look at a single account says nothing of the whole.
  await insertResync(4, { ...done, finishedAt: new Date('2026-11-24T11:00:00Z'), mode: 'verify', read: 1 });
  const differences = Array.from({ length: 22 }, (_, n) => difference(n + 1));
  await server.database.prisma.resyncDifference.createMany({
    data: [
      ...differences,
      { ...difference(30), kind: 'missing', fields: [], values: {}, modifiedAt: null },
      { ...difference(31), confirmed: false, fields: ['Phone'], modifiedAt: new Date('2001-01-01') },
    ],
  });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('finished verifications', () => {
  test('a verification reports differences by field, kind and age with examples and without unconfirmed ones', async () => {
    const { body } = await server.send('get', `/v1/resyncs/${uuid(1)}`);
    expect(body.verification).toEqual({
      compared: 1_000,
      different: 23,
      byField: { Name: 22, Industry: 1 },
      byKind: { missing: 1, extra: 0, notVisible: 0, fields: 22 },
      oldest: '2026-11-01T00:00:00.000Z',
      verifiedThrough: null,
      examples: Array.from({ length: 20 }, (_, n) => ({
        accountId: accountId(n + 1),
        kind: 'fields',
        fields: { Name: { mirror: null, salesforce: `Name ${n + 1}` } },
      })),
    });
  });

  test('a verification in a list has no examples', async () => {
    const { body } = await server.send('get', '/v1/resyncs?mode=verify&state=done&scope=all');
    expect(body.data).toHaveLength(1);
    expect(body.data[0].verification).toMatchObject({ byKind: { missing: 1, extra: 0, fields: 22 } });
    expect(body.data[0].verification.examples).toBeUndefined();
  });

  test('differences are listed page by page and by kind', async () => {
    const seen: string[] = [];
    let next: string | undefined = `/v1/resyncs/${uuid(1)}/differences?limit=10`;
    while (next !== undefined) {
      const response = await server.send('get', next);
      seen.push(...response.body.data.map(({ accountId: id }: { accountId: string }) => id));
      next = nextPage(response);
    }
    expect(seen).toEqual([...Array.from({ length: 22 }, (_, n) => accountId(n + 1)), accountId(30)]);
    const { body } = await server.send('get', `/v1/resyncs/${uuid(1)}/differences?kind=missing`);
    expect(body.data).toEqual([{ accountId: accountId(30), kind: 'missing', fields: {}, modifiedAt: null }]);
    expect((await server.send('get', `/v1/resyncs/${uuid(9)}/differences`)).status).toBe(404);
  });
});

test('a finished repair has a certificate and a running one does not', async () => {
  const { body } = await server.send('get', `/v1/resyncs/${uuid(2)}`);
  expect(body.verification).toBeNull();
  expect(body.certificate).toEqual({
    position: 'AAAAAQ==',
    watermark: 'w',
    readAt: '2026-11-24T10:00:00.000Z',
    bulkJobId: '750al000000AAAAAA2',
    method: 'bulk',
    rowsRead: 10,
    rowsCreated: 1,
    rowsOverwritten: 2,
    rowsKept: 3,
    eventsMeanwhile: 4,
    finishedAt: '2026-11-24T10:05:00.000Z',
  });
  const running = (await server.send('get', `/v1/resyncs/${uuid(3)}`)).body;
  expect(running).toMatchObject({ certificate: null, verification: null, percent: 99 });
});

test.each([
  ['state=reading', [3]],
  ['scope=all', [3, 1]],
  ['scope=accounts&state=done', [4, 2]],
  ['mode=repair', [2]],
  ['mode=sample', []],
])('resyncs are filtered by %s', async (query, expected) => {
  const { body } = await server.send('get', `/v1/resyncs?${query}`);
  expect(body.data.map(({ id }: { id: string }) => id)).toEqual(expected.map(uuid));
});

test('the status shows the last verification and the running one', async () => {
  const { body } = await server.send('get', '/v1/status');
  expect(body.lastVerification).toEqual({
    resyncId: uuid(1),
    mode: 'verify',
    compared: 1_000,
    different: 23,
    repaired: true,
    verifiedThrough: null,
    at: '2026-11-24T10:05:00.000Z',
  });
  expect(body.resyncs).toEqual([
    {
      id: uuid(3),
      scope: 'all',
      mode: 'verify',
      reason: 'manual',
      state: 'reading',
      read: 999,
      expected: 1_000,
      percent: 99,
      waiting: null,
    },
  ]);
});

test('the last verification is repaired when its incident is closed', async () => {
  await insertResync(9, {
    scope: 'all',
    mode: 'verify',
    state: 'done',
    repairs: false,
    read: 7,
    different: 1,
    finishedAt: new Date('2026-11-25T10:00:00.000Z'),
  });
  const { incident } = server.database.prisma;
  const opened = await incident.create({
    data: {
      topic: '/data/AccountChangeEvent',
      cause: 'difference',
      detail: '1 account differed.',
      extent: 'accounts',
      resyncId: uuid(9),
    },
  });
  expect((await server.send('get', '/v1/status')).body.lastVerification.repaired).toBe(false);
  await incident.update({ where: { id: opened.id }, data: { state: 'closed', closedAt: new Date() } });
  expect((await server.send('get', '/v1/status')).body.lastVerification.repaired).toBe(true);
});

async function insertResync(n: number, values: Partial<Prisma.ResyncCreateInput>): Promise<void> {
  const createdAt = new Date(Date.UTC(2026, 10, 24, 9, n));
  await server.database.prisma.resync.create({
    data: { id: uuid(n), scope: 'accounts', reason: 'manual', createdAt, ...values },
  });
}

function difference(n: number) {
  return {
    resyncId: uuid(1),
    accountId: accountId(n),
    kind: 'fields',
    fields: n === 22 ? ['Name', 'Industry'] : ['Name'],
    values: { Name: { mirror: null, salesforce: `Name ${n}` } },
    modifiedAt: new Date(Date.UTC(2026, 10, 23 - n)),
    confirmed: true,
  };
}
