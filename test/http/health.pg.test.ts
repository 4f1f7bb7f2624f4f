import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { checkHealth } from '../../src/health/check-health.ts';
import type { Problem } from '../../src/health/problem.ts';
import { createProcessFaults } from '../../src/health/process-faults.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { healthy, startServer } from './start-server.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('readiness', () => {
  test('the service is ready when the verdict is healthy', async () => {
    const server = await startServer({ databaseUrl: database.url });
    const response = await server.send('get', '/health/ready', { key: '' });
    expect([response.status, response.body]).toEqual([200, { ready: true }]);
    await server.close();
  });

  test('the service is not ready for the reasons that make the verdict down, without the words of Salesforce', async () => {
    const server = await startServer({
      databaseUrl: database.url,
      overrides: { health: async () => ({ ...healthy, health: 'down', problems: [stopped, incident] }) },
    });
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.status).toBe(503);
    expect(response.type).toBe('application/problem+json');
    const reasons = ['The stream is stopped. Activate the user.'];
    expect(response.body).toMatchObject({ type: '/docs/problems#not-ready', reasons });
    await server.close();
  });

  test('a process that only serves the API is ready while changes are not being mirrored', async () => {
    const server = await startServer({
      databaseUrl: database.url,
      overrides: {
        hasSyncRole: false,
        health: async () => ({ ...healthy, health: 'down', problems: [stopped] }),
      },
    });
    expect((await server.send('get', '/health/ready', { key: '' })).status).toBe(200);
    await server.close();
  });

  test('the service is alive and not ready when the database is gone', async () => {
    await using server = await withoutDatabase('postgres://nobody:none@127.0.0.1:1/none');
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.status).toBe(503);
    expect(response.body.reasons).toEqual([expect.stringMatching(/^The database does not answer\./)]);
    const live = await server.send('get', '/health/live', { key: '' });
    expect([live.status, live.body]).toEqual([200, { live: true }]);
    const metrics = await server.send('get', '/metrics', { key: '' });
    expect(metrics.text).toContain('tidemark_health{state="down"} 1');
    expect(metrics.text).toContain('tidemark_health_reasons{code="database-unreachable"} 1');
  });

  test('the service is not ready when the database is silent, and answers before it gives up', async () => {
    const silent = await listenSilently();
    await using server = await withoutDatabase(`postgres://a:b@127.0.0.1:${silent.port}/none`);
    const response = await server.send('get', '/health/ready', { key: '' });
    expect(response.body.reasons).toEqual([expect.stringMatching(/^The database does not answer\./)]);
    expect(silent.sockets.map(({ readableEnded }) => readableEnded)).toEqual([false]);
    silent.close();
  });
});

const stopped: Problem = {
  code: 'stream-stopped',
  severity: 'down',
  summary: 'The stream is stopped.',
  detail: 'user is inactive (invalid_grant)',
  since: new Date('2026-11-29T10:00:00.000Z'),
  action: 'Activate the user.',
};
const incident: Problem = { ...stopped, code: 'incidents', severity: 'degraded', summary: '1 incident.' };

/** A server with the real health check on a database that is not there. */
async function withoutDatabase(url: string) {
  const { pool, close } = openDatabase({ url });
  const context = {
    pool,
    topic: '/data/AccountChangeEvent',
    faults: createProcessFaults(),
    columns: [],
    queueSchema: 'pgboss',
  };
  const server = await startServer({ overrides: { health: () => checkHealth(context) } });
  return {
    send: server.send,
    async [Symbol.asyncDispose]() {
      await server.close();
      await close();
    },
  };
}

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
