import { setTimeout as pause } from 'node:timers/promises';
import type { QueryConfig } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { openStream } from './read-stream.ts';
import { accountId, uuid } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;
/** What followers wait for at the moment: a wake-up, or a look at the database. */
let waits = 0;
const counted = <T>(waiting: Promise<T>): Promise<T> => {
  waits++;
  return waiting.finally(() => waits--);
};

beforeAll(async () => {
  database = await createTestDatabase();
  const wakeUps = { next: (_wake: 'apply' | 'resync', ms: number) => counted(pause(Math.min(ms, 20))) };
  server = await startServer({ databaseUrl: database.url, overrides: { wakeUps } });
  const query = server.database.pool.query.bind(server.database.pool);
  Reflect.set(server.database.pool, 'query', (statement: QueryConfig) => counted(query(statement)));
});
beforeEach(async () => {
  await server.database.pool.query('truncate resyncs cascade');
  await server.database.prisma.resync.create({ data: { id: uuid(1), scope: 'all', reason: 'manual' } });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const url = () => `${server.url}/v1/resyncs/${uuid(1)}`;
const change = (columns: string) => server.database.pool.query(`update resyncs set ${columns}`);

describe('the stream of a resync', () => {
  test('the stream sends each change of the resync and its end, and closes', async () => {
    const stream = await openStream(url());
    expect(stream.headers['content-type']).toBe('text/event-stream');
    expect(stream.headers['cache-control']).toBe('no-store');
    expect(await stream.next()).toMatchObject({
      event: 'progress',
      data: { id: uuid(1), state: 'queued', percent: null },
    });
    await change(`state = 'reading', expected = 200, read = 50`);
    expect(await stream.next()).toMatchObject({ event: 'progress', data: { state: 'reading', percent: 25 } });
    await change(`waiting = '{"reason": "api budget"}'`);
    expect(await stream.next()).toMatchObject({ data: { waiting: { reason: 'api budget' } } });
    await change(`state = 'done', waiting = null, read = 200, finished_at = now()`);
    expect(await stream.next()).toMatchObject({ event: 'progress', data: { state: 'done', percent: 100 } });
    expect(await stream.next()).toMatchObject({ event: 'end', data: { state: 'done' } });
    expect(await stream.next()).toBeUndefined();
  });

  test.each(['failed', 'cancelled'])('the stream ends at once if the resync is already %s', async (state) => {
    await change(`state = '${state}'`);
    const stream = await openStream(url());
    expect((await stream.next())?.event).toBe('progress');
    expect(await stream.next()).toMatchObject({ event: 'end', data: { state } });
    expect(await stream.next()).toBeUndefined();
  });

  test('a client that does not accept a stream gets JSON, and HEAD has no body', async () => {
    const response = await server.send('get', `/v1/resyncs/${uuid(1)}`, { headers: { accept: '*/*' } });
    expect(response.body).toMatchObject({ state: 'queued' });
    const head = await fetch(url(), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${keys.read}`, accept: 'text/event-stream' },
    });
    expect(head.status).toBe(200);
  });

  test('the stream needs a key and an existing resync', async () => {
    expect((await openStream(url(), 'nonsense')).status).toBe(401);
    const missing = await openStream(`${server.url}/v1/resyncs/${uuid(9)}`);
    expect(missing.status).toBe(404);
    expect(missing.headers['content-type']).toContain('application/problem+json');
  });

  test('the stream is released when its reader disconnects', async () => {
    const stream = await openStream(url());
    await stream.next();
    // A follower always waits for one of them.
    expect(waits).toBeGreaterThan(0);
    stream.leave();
    await eventually('no client follows it', () => waits === 0);
  });

  test('ten streams may be open per key and another one after one has closed', async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(url())));
    const refused = await openStream(url());
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('30');
    const other = await openStream(url(), keys.admin);
    expect(other.status).toBe(200);
    streams[0]?.leave();
    const again = await eventually('there is room again', async () => {
      const stream = await openStream(url());
      return stream.status === 200 && stream;
    });
    for (const stream of [...streams, other, again]) stream.leave();
  });

  test('open streams and waiting clients do not keep a closing server open', async () => {
    const closing = await startServer({ databaseUrl: database.url });
    const path = `/v1/resyncs/${uuid(1)}`;
    const stream = await openStream(`${closing.url}${path}`);
    await stream.next();
    const account = `/v1/accounts/${accountId(1)}/resync?wait=true`;
    const waiting = closing.send('post', account, { key: keys.write }).then(({ status }) => status);
    await eventually(
      'it waits for the account',
      async () => (await server.database.prisma.resync.count()) === 2,
    );
    await closing.close();
    expect(await stream.next()).toBeUndefined();
    expect(await waiting).toBe(202);
  });
});
