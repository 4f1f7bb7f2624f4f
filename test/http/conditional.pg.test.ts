import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { acme, bolt, insertSampleAccounts } from './sample-accounts.ts';
import { startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await insertSampleAccounts(server.database.prisma);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('list pages', () => {
  const path = '/v1/accounts?limit=2';

  test('an unchanged page is not sent again to a client that has it', async () => {
    const first = await server.send('get', path);
    const etag = first.headers['etag'] ?? '';
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    for (const tags of [etag, `"other", ${etag}`, etag.replace('W/', ''), '*']) {
      const same = await server.send('get', path, { headers: { 'if-none-match': tags } });
      expect([same.status, same.text, same.headers['etag']], tags).toEqual([304, '', etag]);
      expect([same.headers['content-type'], same.headers['content-length']]).toEqual([undefined, undefined]);
    }
    const again = await server.send('get', path, { headers: { 'if-none-match': 'W/"other"' } });
    expect([again.status, again.body]).toEqual([200, first.body]);
    await server.database.pool.query('UPDATE accounts SET account_number = $2 WHERE id = $1', [acme, 'A-2']);
    const changed = await server.send('get', path, { headers: { 'if-none-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers['etag']).not.toBe(etag);
  });

  test('each selection and order of a page has its own tag', async () => {
    const queries = ['', 'sort=-id', 'select=name', 'deleted=all'];
    const answers = await Promise.all(queries.map((query) => server.send('get', `/v1/accounts?${query}`)));
    expect(new Set(answers.map(({ headers }) => headers['etag'])).size).toBe(queries.length);
  });

  test('every list has a tag', async () => {
    for (const list of ['events', 'incidents', 'resyncs', 'write-backs', `accounts/${acme}/events`]) {
      const { headers } = await server.send('get', `/v1/${list}`);
      const same = await server.send('get', `/v1/${list}`, {
        headers: { 'if-none-match': headers['etag'] ?? '' },
      });
      expect(same.status, list).toBe(304);
    }
  });

  test('HEAD of a page answers with the headers of GET', async () => {
    const got = await server.send('get', path, { headers: { 'accept-encoding': 'identity' } });
    const head = await server.send('head', path, { headers: { 'accept-encoding': 'identity' } });
    const names = ['etag', 'link', 'content-type', 'content-length', 'vary'];
    expect(names.map((name) => head.headers[name])).toEqual(names.map((name) => got.headers[name]));
    expect(head.headers['etag']).toBeDefined();
    const same = await server.send('head', path, { headers: { 'if-none-match': got.headers['etag'] ?? '' } });
    expect(same.status).toBe(304);
  });

  test('an error response has no tag', async () => {
    const response = await server.send('get', '/v1/accounts?limit=0', { headers: { 'if-none-match': '*' } });
    expect([response.status, response.headers['etag']]).toEqual([400, undefined]);
  });
});

describe('conditional requests for one account', () => {
  const path = `/v1/accounts/${bolt}`;

  test('an account has its last modification time and is not sent again to a client that has it since', async () => {
    const { headers } = await server.send('get', path);
    expect(headers['last-modified']).toBe('Wed, 01 Apr 2026 00:00:00 GMT');
    const since = async (time: string, tags = {}) =>
      (await server.send('get', path, { headers: { 'if-modified-since': time, ...tags } })).status;
    expect(await since('Wed, 01 Apr 2026 00:00:00 GMT')).toBe(304);
    expect(await since('Wed, 01 Apr 2026 00:00:01 GMT')).toBe(304);
    expect(await since('Tue, 31 Mar 2026 23:59:59 GMT')).toBe(200);
    expect(await since('yesterday')).toBe(200);
    expect(await since('Wed, 01 Apr 2026 00:00:00 GMT', { 'if-none-match': '"other"' })).toBe(200);
  });

  test('an account has no last modification time while it may change within the same second', async () => {
    await server.database.pool.query(
      `UPDATE accounts SET changed_at = now() + interval '1 hour' WHERE id = $1`,
      [acme],
    );
    const headers = { 'if-modified-since': new Date(Date.now() + 7_200_000).toUTCString() };
    const response = await server.send('get', `/v1/accounts/${acme}`, { headers });
    expect([response.status, response.headers['last-modified']]).toEqual([200, undefined]);
  });
});

test('a response without the account does not read its values', async () => {
  const { headers } = await server.send('get', `/v1/accounts/${bolt}`);
  const other = await startServer({ databaseUrl: database.url });
  const send = (tag: string) =>
    other.send('get', `/v1/accounts/${bolt}`, { headers: { 'if-none-match': tag } });
  const readsOfValues = async (): Promise<number> => {
    const { rows } = await other.database.pool.query(
      `select from pg_prepared_statements where statement like '%from accounts%' and statement like '%additional_fields%'`,
    );
    return rows.length;
  };
  expect((await send(headers['etag'] ?? '')).status).toBe(304);
  expect(await readsOfValues()).toBe(0);
  expect((await send('W/"other"')).status).toBe(200);
  expect(await readsOfValues()).toBe(1);
  await other.close();
});

test('one account is answered to HEAD with 304 as well', async () => {
  const { headers } = await server.send('get', `/v1/accounts/${bolt}`);
  const tags = { 'if-none-match': headers['etag'] ?? '' };
  expect((await server.send('head', `/v1/accounts/${bolt}`, { headers: tags })).status).toBe(304);
});

describe('compression of responses', () => {
  const path = '/v1/accounts?deleted=all';

  test.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['gzip, br', 'br', brotliDecompressSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['deflate', undefined, (bytes: Buffer) => bytes],
    ['identity', undefined, (bytes: Buffer) => bytes],
  ] as const)(
    'a large response to the accepted encodings %s is compressed as %s under the same tag',
    async (accepted, encoding, restore) => {
      const plain = await server.send('get', path);
      const { headers, bytes } = await fetchBytes(server.url, path, { 'accept-encoding': accepted });
      expect(headers['content-encoding']).toBe(encoding);
      expect(headers['vary']).toContain('accept-encoding');
      expect(JSON.parse(restore(bytes).toString('utf8'))).toEqual(plain.body);
      expect(headers['etag']).toBe(plain.headers['etag']);
      if (encoding !== undefined) expect(bytes.length).toBeLessThan(plain.text.length / 2);
      const same = await fetchBytes(server.url, path, {
        'accept-encoding': accepted,
        'if-none-match': headers['etag'] ?? '',
      });
      expect([same.status, same.bytes.length, same.headers['content-encoding']]).toEqual([304, 0, undefined]);
      expect(same.headers['vary']).toContain('accept-encoding');
    },
  );

  test('a small response is not compressed and still varies by encoding', async () => {
    const { headers } = await fetchBytes(server.url, '/health/live', { 'accept-encoding': 'br' });
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers['vary']).toContain('accept-encoding');
  });
});
