import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCursorKey, signCursor } from '../../src/http/plugins/signed-cursors.ts';
import { encodeCursor, listKey } from '../../src/http/search/list-page.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount } from './rows.ts';
import { startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let servers: readonly [TestServer, TestServer];

beforeAll(async () => {
  database = await createTestDatabase();
  servers = await Promise.all([
    startServer({ databaseUrl: database.url }),
    startServer({ databaseUrl: database.url }),
  ]);
  for (const n of [1, 2, 3])
    await insertAccount(servers[0].database.prisma, accountId(n), { name: `Acme ${n}` });
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await database.drop();
});

describe('signed cursors', () => {
  test('a cursor from one process is accepted by every other from the start', async () => {
    // The key does not exist yet, and both create one.
    const given = await Promise.all(servers.map((server) => cursorOf(server)));
    expect(given[0]).toBe(given[1]);
    for (const server of servers) {
      for (const cursor of given) {
        const page = await server.send('get', `/v1/accounts?limit=1&cursor=${cursor}`);
        expect(page.body.data).toMatchObject([{ id: accountId(2) }]);
      }
    }
    const { rows } = await servers[0].database.pool.query('select name, length(value) from secrets');
    expect(rows).toEqual([{ name: 'cursors', length: 32 }]);
  });

  test('a cursor that is altered in any one of its characters is refused', async () => {
    const cursor = await cursorOf(servers[0]);
    for (let at = 0; at < cursor.length; at++) {
      const altered = `${cursor.slice(0, at)}${cursor[at] === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`;
      await expectRefused(altered);
    }
    await expectRefused(`${cursor}A`);
    await expectRefused(cursor.slice(0, -1));
    await expectRefused(cursor.slice(0, 20));
  });

  test('a well-formed cursor made without the key is refused', async () => {
    const position = { by: null, id: accountId(2) };
    const unsigned = encodeCursor(listKey('/v1/accounts', { limit: 1 }), position);
    await expectRefused(unsigned);
    await expectRefused(signCursor(Buffer.alloc(32), unsigned));
    const key = await readCursorKey(servers[0].database.prisma);
    const page = await servers[0].send('get', `/v1/accounts?limit=1&cursor=${signCursor(key, unsigned)}`);
    expect(page.body.data).toMatchObject([{ id: accountId(3) }]);
  });

  test('a cursor of any other list is refused', async () => {
    const cursor = await cursorOf(servers[0]);
    for (const path of [
      'accounts?deleted=all',
      'accounts?q=acme',
      'accounts?select=id',
      'events?',
      'incidents?',
    ]) {
      const response = await servers[0].send('get', `/v1/${path}&cursor=${cursor}`);
      expect(response.status, path).toBe(400);
      expect(response.body.errors, path).toEqual([
        { field: 'cursor', message: expect.stringMatching('other parameters') },
      ]);
    }
    const filtered = '/v1/accounts?limit=1&fields.Industry=&fields.BillingAddress.City=';
    const { nextCursor } = (await servers[0].send('get', filtered)).body;
    const turned = `/v1/accounts?limit=1&fields[BillingAddress.City]=&fields.Industry=&cursor=${nextCursor}`;
    expect((await servers[1].send('get', turned)).status).toBe(200);
    const other = `/v1/accounts?limit=1&fields.Industry=x&fields.BillingAddress.City=&cursor=${nextCursor}`;
    expect((await servers[1].send('get', other)).status).toBe(400);
  });
});

async function cursorOf(server: TestServer): Promise<string> {
  return (await server.send('get', '/v1/accounts?limit=1')).body.nextCursor;
}

async function expectRefused(cursor: string): Promise<void> {
  const response = await servers[1].send('get', `/v1/accounts?limit=1&cursor=${cursor}`);
  expect(response.status, cursor).toBe(400);
  expect(response.body.errors).toEqual([{ field: 'cursor', message: 'is not a cursor of this list' }]);
}
