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

describe('the dismissal of a failed event', () => {
  const dismiss = (id: string, body?: object, key = keys.admin) =>
    server.send('post', `/v1/events/${id}/dismiss`, { key, ...(body !== undefined && { body }) });

  test('a dismissed event shows who dismissed it, when and why, and no longer counts as failed', async () => {
    const { prisma } = server.database;
    const id = await insertEvent(prisma, { eventId: uuid(21), state: 'failed', error: 'Broken.' });
    const { status, body } = await dismiss(id, { reason: 'The record is obsolete.' });
    expect([status, body.state]).toEqual([200, 'dismissed']);
    const { body: shown } = await server.send('get', `/v1/events/${id}`);
    expect(shown).toMatchObject({
      state: 'dismissed',
      error: 'Broken.',
      dismissal: { by: 'operator', at: expect.any(String), reason: 'The record is obsolete.' },
    });
    const { body: listed } = await server.send('get', '/v1/events?state=dismissed');
    expect(listed.data).toEqual([body]);
    const { body: failed } = await server.send('get', '/v1/events?state=failed');
    expect(failed.data.map((event: { id: string }) => event.id)).not.toContain(id);
  });

  test('a second dismissal changes nothing', async () => {
    const { prisma } = server.database;
    const id = await insertEvent(prisma, { eventId: uuid(22), state: 'failed', error: 'Broken.' });
    const first = await dismiss(uuid(22));
    expect(first.body.dismissal).toMatchObject({ reason: null });
    const second = await dismiss(id, { reason: 'Another reason.' });
    expect([second.status, second.body]).toEqual([200, first.body]);
  });

  test('only failures can be dismissed, by an administrator', async () => {
    const id = await insertEvent(server.database.prisma, { eventId: uuid(23), state: 'applied' });
    const conflict = await dismiss(id);
    expect([conflict.status, conflict.body.type]).toEqual([409, expect.stringMatching(/conflict$/)]);
    expect((await dismiss(uuid(24))).status).toBe(404);
    expect((await dismiss(id, undefined, keys.write)).status).toBe(403);
    expect((await dismiss(id, { cause: 'unknown' })).status).toBe(400);
  });

  test('a dismissed event can be retried', async () => {
    const id = await insertEvent(server.database.prisma, { eventId: uuid(25), state: 'failed' });
    await dismiss(id);
    const { status } = await server.send('post', `/v1/events/${id}/retry`, { key: keys.write });
    expect(status).toBe(202);
    const { body } = await server.send('get', `/v1/events/${id}`);
    expect(body).toMatchObject({ state: 'stored', dismissal: null, position: null });
  });
});
