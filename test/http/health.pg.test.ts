import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startServer } from './start-server.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('readiness', () => {
  test('the service is ready when the database and everything else is available', async () => {
    const server = await startServer({ databaseUrl: database.url });
    const response = await server.send('get', '/health/ready', { key: '' });
    expect([response.status, response.body]).toEqual([200, { ready: true }]);
    await server.close();
  });

  test('the service is not ready for the reasons that synchronization gives', async () => {
    const reasons = ['The initial load is not complete.', 'Nobody follows the topic.'];
    const server = await startServer({
      databaseUrl: database.url,
      overrides: { readiness: async () => reasons },
    });
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.status).toBe(503);
    expect(response.type).toBe('application/problem+json');
    expect(response.body).toMatchObject({ type: '/docs/problems#not-ready', reasons });
    await server.close();
  });

  test('the service is alive and not ready when the database is gone', async () => {
    const server = await startServer();
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.status).toBe(503);
    expect(response.body.reasons).toEqual(['The database does not answer.']);
    const live = await server.send('get', '/health/live', { key: '' });
    expect([live.status, live.body]).toEqual([200, { live: true }]);
    await server.close();
  });

  test('the service is not ready when the database is silent and answers without waiting for it', async () => {
    const silent = await listenSilently();
    const server = await startServer({ databaseUrl: `postgres://a:b@127.0.0.1:${silent.port}/none` });
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.body.reasons).toEqual(['The database does not answer.']);
    expect(silent.sockets.map(({ readableEnded }) => readableEnded)).toEqual([false]);
    silent.close();
    await server.close();
  });
});

/** Takes connections and says nothing. */
async function listenSilently(): Promise<{ port: number; sockets: Socket[]; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.resume());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('Nothing listens');
  return {
    port: address.port,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
