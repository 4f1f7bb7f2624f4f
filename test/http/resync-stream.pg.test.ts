import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { openStream } from './read-stream.ts';
import { uuid } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;
/** How often the database was asked for a resync. */
let looks = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  const query = server.database.pool.query.bind(server.database.pool);
  Reflect.set(server.database.pool, 'query', (...parameters: Parameters<typeof query>) => {
    if (JSON.stringify(parameters).includes('read-resync')) looks++;
    return query(...parameters);
  });
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

describe('a resync that is followed', () => {
  test('tells each change of it, then its end, and closes', async () => {
    const stream = await openStream(url());
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.response.headers.get('cache-control')).toBe('no-store');
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

  test.each(['failed', 'cancelled'])('ends at once when it is %s already', async (state) => {
    await change(`state = '${state}'`);
    const stream = await openStream(url());
    expect((await stream.next())?.event).toBe('progress');
    expect(await stream.next()).toMatchObject({ event: 'end', data: { state } });
    expect(await stream.next()).toBeUndefined();
  });

  test('is plain JSON for whoever does not ask for a stream, and has no body for HEAD', async () => {
    const response = await server.send('get', `/v1/resyncs/${uuid(1)}`, { headers: { accept: '*/*' } });
    expect(response.body).toMatchObject({ state: 'queued' });
    const head = await fetch(url(), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${keys.read}`, accept: 'text/event-stream' },
    });
    expect(head.status).toBe(200);
  });

  test('needs a key, and has to exist', async () => {
    expect((await openStream(url(), 'nonsense')).response.status).toBe(401);
    const missing = await openStream(`${server.url}/v1/resyncs/${uuid(9)}`);
    expect(missing.response.status).toBe(404);
    expect(missing.response.headers.get('content-type')).toContain('application/problem+json');
  });

  test('is let go when its reader goes', async () => {
    const stream = await openStream(url());
    await stream.next();
    stream.leave();
    await eventually('nobody looks any more', async () => {
      const before = looks;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return looks === before;
    });
  });

  test('may be followed ten times with one key, and again when one has gone', async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(url())));
    const refused = await openStream(url());
    expect(refused.response.status).toBe(429);
    expect(refused.response.headers.get('retry-after')).toBe('30');
    const other = await openStream(url(), keys.admin);
    expect(other.response.status).toBe(200);
    streams[0]?.leave();
    const again = await eventually('there is room again', async () => {
      const stream = await openStream(url());
      return stream.response.status === 200 && stream;
    });
    for (const stream of [...streams, other, again]) stream.leave();
  });

  test('does not keep a closing server, whether its reader reads or not', async () => {
    const closing = await startServer({ databaseUrl: database.url });
    const path = `/v1/resyncs/${uuid(1)}`;
    const stream = await openStream(`${closing.url}${path}`);
    await stream.next();
    const { hostname, port } = new URL(closing.url);
    const silent = connect(Number(port), hostname).pause();
    const accept = `Authorization: Bearer ${keys.read}\r\nAccept: text/event-stream`;
    silent.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${accept}\r\n\r\n`);
    await closing.close();
    expect(await stream.next()).toBeUndefined();
    silent.destroy();
  });
});
