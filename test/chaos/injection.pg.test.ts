import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount, insertEvent, uuid } from '../http/rows.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await insertAccount(server.database.prisma, accountId(1), { name: 'Acme', signupCode: 'CODE-1' });
  await server.database.prisma.resync.create({ data: { id: uuid(1), scope: 'all', reason: 'manual' } });
  await insertEvent(server.database.prisma, { eventId: uuid(1), recordIds: [accountId(1)] });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const attacks = [
  "'",
  "' OR '1'='1",
  "'; DROP TABLE accounts; --",
  '1); SELECT pg_sleep(60); --',
  '$1',
  '%s',
  '\\',
  "\\'",
  '"',
  '*',
  '{}',
  '[]',
  '\u0000',
  '\u202e',
  '\ud83d\ude00',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '{"$ne":null}',
  'x'.repeat(5_000),
];

describe.each(attacks)('the text %j', (attack) => {
  test('the text is compared or refused as any parameter and changes nothing', async () => {
    for (const [path, methods] of Object.entries(server.description.paths)) {
      for (const { name, in: place } of methods['get']?.parameters ?? []) {
        const value = encodeURIComponent(attack);
        const own = place === 'path' ? path.replace(`{${name}}`, value) : path;
        const target = own
          .replace('{id}', pathId(path))
          .replace('{name}', 'Industry')
          .replace('{key}', 'tx-1');
        const query = place === 'query' ? `?${name}=${value}` : '';
        const headers = place === 'header' ? { [name]: attack.replaceAll(/[^\x20-\x7e]/g, '?') } : {};
        if (path === '/v1/events/stream' || path === '/v1/events/notices') {
          expect([200, 400], `${path} ${name}`).toContain(await streamStatus(`${path}${query}`, headers));
          continue;
        }
        const key = keys.admin;
        const response = await server.send('get', `${target}${query}`, { key, headers });
        // A transaction has any text for a key.
        const expected = path.includes('{key}') ? [404, 400] : [200, 304, 400];
        expect(expected, `${path} ${name}: ${response.text}`).toContain(response.status);
        if (response.status === 200 && place === 'query' && !(name === 'name' && attack === '*')) {
          expect(response.body.data, `${path} ${name}`).toEqual([]);
        }
      }
    }
    const { rowCount } = await server.database.pool.query('SELECT 1 FROM accounts');
    expect(rowCount).toBe(1);
  });

  test('the text is refused as a key', async () => {
    const key = attack.replaceAll(/[^\x21-\x7e]/g, '-');
    expect((await server.send('get', '/v1/status', { key })).status).toBe(401);
  });
});

test('fields that a row has and the API does not document are not shown', async () => {
  const { body } = await server.send('get', `/v1/accounts/${accountId(1)}`, { key: keys.admin });
  expect(Object.keys(body)).not.toContain('revision');
  expect(Object.keys(body)).not.toContain('fieldVersions');
});

/** A stream has no end: how it begins is all that is looked at. */
async function streamStatus(path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const authorization = `Bearer ${keys.read}`;
  const response = await fetch(`${server.url}${path}`, { headers: { ...headers, authorization } });
  await response.body?.cancel();
  return response.status;
}

function pathId(path: string): string {
  return path.includes('accounts') ? accountId(1) : uuid(1);
}
