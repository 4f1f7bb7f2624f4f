import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type TestServer } from './start-server.ts';

const stopping = new AbortController();
// The test's client requests the end of each connection by default.
const keepAlive = { headers: { connection: 'keep-alive' } };
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ overrides: { stopping: stopping.signal } });
});
afterAll(() => server.close());

it('a server that is about to stop is not ready, still answers and closes its connections', async () => {
  const before = await server.send('get', '/health/live', keepAlive);
  expect(before.headers['connection']).not.toBe('close');
  stopping.abort();
  const ready = await server.send('get', '/health/ready', keepAlive);
  expect(ready.status).toBe(503);
  expect(ready.body).toMatchObject({ reasons: ['The process is shutting down.'] });
  const live = await server.send('get', '/health/live', keepAlive);
  expect(live.status).toBe(200);
  expect([ready.headers['connection'], live.headers['connection']]).toEqual(['close', 'close']);
});
