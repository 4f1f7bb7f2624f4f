import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openIncident } from '../../src/incidents/incident-rows.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertEvent, uuid } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});

afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('incidents', () => {
  beforeAll(async () => {
    const topic = '/data/AccountChangeEvent';
    await openIncident(server.database.pool, {
      topic,
      cause: 'gap',
      detail: 'One gap event.',
      extent: 'accounts',
      accountIds: [accountId(1)],
      eventIds: [7n],
      from: new Date('2026-11-23T10:00:00Z'),
      to: new Date('2026-11-23T10:00:01Z'),
    });
    await openIncident(server.database.pool, {
      topic,
      cause: 'overflow',
      detail: 'Too large.',
      extent: 'all',
    });
    await server.database.pool.query(
      `update incidents set state = 'closed', closed_at = '2026-11-23T11:00:00Z' where cause = 'overflow'`,
    );
  });

  test('incidents are listed newest first with what is uncertain and their outcome', async () => {
    const { body } = await server.send('get', '/v1/incidents');
    expect(body.data).toEqual([
      expect.objectContaining({
        cause: 'overflow',
        extent: 'all',
        state: 'closed',
        closedAt: '2026-11-23T11:00:00.000Z',
      }),
      {
        id: expect.stringMatching(/^\d+$/),
        topic: '/data/AccountChangeEvent',
        cause: 'gap',
        detail: 'One gap event.',
        extent: 'accounts',
        accountIds: [accountId(1)],
        eventIds: ['7'],
        from: '2026-11-23T10:00:00.000Z',
        to: '2026-11-23T10:00:01.000Z',
        state: 'open',
        resyncId: null,
        openedAt: expect.any(String),
        closedAt: null,
      },
    ]);
  });

  test('incidents can be filtered by state and by cause', async () => {
    const { body: open } = await server.send('get', '/v1/incidents?state=open');
    expect(open.data).toHaveLength(1);
    const { body: none } = await server.send('get', '/v1/incidents?state=open&cause=overflow');
    expect(none.data).toEqual([]);
    const { body: unknown } = await server.send('get', '/v1/incidents?cause=weather');
    expect(unknown.errors[0].field).toBe('cause');
  });
});

describe('the retry of a failed event', () => {
  test('a retry makes a failed event wait again, by its number or its UUID', async () => {
    for (const n of [1, 2]) {
      const id = await insertEvent(server.database.prisma, {
        eventId: uuid(n),
        state: 'failed',
        error: 'Broken.',
      });
      const { status, body } = await server.send('post', `/v1/events/${n === 1 ? id : uuid(n)}/retry`, {
        key: keys.write,
      });
      expect(status).toBe(202);
      expect(body).toEqual({ id, state: 'stored' });
      const { body: event } = await server.send('get', `/v1/events/${id}`);
      expect(event).toMatchObject({ state: 'stored', error: null });
    }
  });

  test('a retry answers 404 for an event that did not fail', async () => {
    const id = await insertEvent(server.database.prisma, { eventId: uuid(3), state: 'applied' });
    const { status, body } = await server.send('post', `/v1/events/${id}/retry`, { key: keys.write });
    expect(status).toBe(404);
    expect(body.detail).toBe(`Event ${id} is not a failed event.`);
  });
});
