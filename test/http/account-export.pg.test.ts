import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { openAnswer } from './fetch-bytes.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const accept = { accept: 'application/x-ndjson' };
const many = 2_000;

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  // Some 16 megabytes of lines: more than all buffers on the way hold.
  await server.database.pool.query(
    `insert into accounts (id, fields, name, base_version, field_versions, version, synced_at, changed_at, deleted)
     select '001al' || lpad(i::text, 13, '0'), jsonb_build_object('Industry', 'Energy', 'Description', repeat('x', 7000)),
            'Acme ' || (i * 7919) % 250, 'v1', '{}', 'v1', now(), now(), i % 100 = 0
       from generate_series(1, $1::int) i`,
    [many],
  );
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('account exports', () => {
  test('an export contains every account on a line of its own, as the list shows it', async () => {
    const lines = await exported('/v1/accounts?deleted=all');
    expect(lines).toHaveLength(many);
    const page = await server.send('get', '/v1/accounts?deleted=all&limit=200');
    expect(lines.slice(0, 200)).toEqual(page.body.data);
  });

  test('an export accepts the same filters, selection and order as the pages', async () => {
    const query = 'q=acme%20199&sort=-name&select=name,fields.Industry';
    const lines = await exported(`/v1/accounts?${query}`);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines).toEqual((await server.send('get', `/v1/accounts?${query}&limit=200`)).body.data);
    expect(await exported('/v1/accounts?q=nothing')).toEqual([]);
  });

  test.each([
    ['gzip', createGunzip],
    ['br', createBrotliDecompress],
  ] as const)('an export is compressed with %s while it is produced', async (encoding, decompress) => {
    const response = await open('/v1/accounts?select=name', { 'accept-encoding': encoding });
    expect(response.headers['content-encoding']).toBe(encoding);
    const restored = await text(response.pipe(decompress()));
    expect(restored.split('\n')).toHaveLength(many - many / 100 + 1);
  });

  test('an export shows one moment whatever changes while it is read', async () => {
    const path = '/v1/accounts?deleted=all&sort=-name';
    const before = await exported(`${path}&select=name`);
    const response = await open(path);
    await server.database.pool.query(`update accounts set name = 'Other' where id > '001al0000000001000'`);
    await server.database.pool.query(`delete from accounts where id < '001al0000000000100'`);
    const after = lineValues(await text(response));
    expect(after.map(({ id, name }) => ({ id, name }))).toEqual(before);
  });

  test('an export is requested by its media type alone and has no pages', async () => {
    for (const wanted of [
      'application/json, application/x-ndjson;q=0.5',
      '*/*',
      'application/x-ndjson;q=0',
    ]) {
      const response = await server.send('get', '/v1/accounts?limit=1', { headers: { accept: wanted } });
      expect(response.type, wanted).toBe('application/json');
    }
    const refused = await server.send('get', '/v1/accounts?limit=1', { headers: accept });
    expect(refused.status).toBe(400);
    expect(refused.body.errors).toEqual([
      { field: 'limit', message: expect.stringMatching('is not allowed with') },
    ]);
    const unknown = await server.send('get', '/v1/accounts?fields.Fax=1', { headers: accept });
    expect(unknown.status).toBe(400);
    const head = await server.send('head', '/v1/accounts', { headers: accept });
    expect([head.status, head.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
  });

  test('an export releases its connection and its snapshot when the client disconnects', async () => {
    const response = await open('/v1/accounts');
    await eventually('a snapshot is held', async () => (await snapshots()) === 1);
    response.destroy();
    await eventually('no snapshot is held', async () => (await snapshots()) === 0);
  });

  test('an export ends if the client reads nothing', async () => {
    const impatient = await startServer({
      databaseUrl: database.url,
      overrides: { exportStallTimeoutMs: 200 },
    });
    const response = await open('/v1/accounts', {}, impatient.url);
    await eventually('no snapshot is held', async () => (await snapshots()) === 0);
    await expect(ending(response)).resolves.toBe('ECONNRESET');
    await impatient.close();
  });

  test('a closing server does not wait for an export', async () => {
    const closing = await startServer({ databaseUrl: database.url });
    const response = await open('/v1/accounts', {}, closing.url);
    await closing.close();
    await expect(ending(response)).resolves.toBe('ECONNRESET');
  });

  test.each(['identity', 'gzip', 'br'])(
    'an export that fails in the middle breaks the connection (%s)',
    async (encoding) => {
      const { rows } = await server.database.pool.query<{ sql: string }>(
        `select pg_get_functiondef('fold_case'::regproc) as sql`,
      );
      const rename = (name: string) =>
        server.database.pool.query(`update accounts set name = $1 where id = '001al0000000001251'`, [name]);
      await rename('Broken');
      await server.database.pool.query(
        `create or replace function fold_case(text) returns text immutable strict language plpgsql as $$
       begin if $1 = 'Broken' then raise exception 'broken row'; end if; return lower($1); end $$`,
      );
      const response = await open('/v1/accounts?name=*e*', { 'accept-encoding': encoding });
      expect(response.statusCode).toBe(200);
      response.resume();
      await expect(ending(response)).resolves.toBe('ECONNRESET');
      await server.database.pool.query(rows[0]?.sql ?? '');
      await rename('Acme');
    },
  );

  test('at most two exports run per key and a further one gets a time to retry after', async () => {
    const first = [await open('/v1/accounts'), await open('/v1/accounts')];
    const refused = await server.send('get', '/v1/accounts', { headers: accept });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '30']);
    expect(refused.body.type).toBe('/docs/problems#too-many-streams');
    const other = await open('/v1/accounts?select=id', { authorization: `Bearer ${keys.write}` });
    expect(await text(other)).toContain('001al');
    for (const response of first) response.destroy();
    await eventually('another one may run', async () => {
      const response = await open('/v1/accounts?q=nothing');
      response.resume();
      return response.statusCode === 200;
    });
  });
});

async function open(path: string, headers = {}, url = server.url): Promise<IncomingMessage> {
  return openAnswer(url, path, { ...accept, ...headers });
}

async function exported(path: string): Promise<Line[]> {
  const response = await open(path);
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('application/x-ndjson');
  return lineValues(await text(response));
}

function lineValues(lines: string): Line[] {
  expect(lines === '' || lines.endsWith('\n')).toBe(true);
  return lines
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** How the answer ended, once it is read on. */
function ending(response: IncomingMessage): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  response.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  response.once('end', () => resolve('a clean end'));
  response.resume();
  return promise;
}

/** How many transactions read an export: from the start of its response to its end. */
async function snapshots(): Promise<number> {
  const { rows } = await server.database.pool.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity
      where datname = current_database() and xact_start is not null and query like 'fetch %'`,
  );
  return rows[0]?.count ?? 0;
}

type Line = { readonly id: string; readonly name: string | null };
