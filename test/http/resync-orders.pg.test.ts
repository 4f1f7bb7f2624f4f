import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { accountId, insertEvent, uuid } from './rows.ts';
import { keys, locationOf, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
beforeEach(() => server.database.pool.query('truncate resyncs, idempotent_requests cascade'));
afterAll(async () => {
  await server.close();
  await database.drop();
});

const order = (body: object, headers: Readonly<Record<string, string>> = {}, key = keys.write) =>
  server.send('post', '/v1/resyncs', { key, headers, body });
const setState = (id: string, state: string) =>
  server.database.pool.query('update resyncs set state = $2 where id = $1', [id, state]);
const count = async (): Promise<number> => server.database.prisma.resync.count();

describe('requests for a resync', () => {
  test('a resync of everything is queued with its job and answers with its location', async () => {
    const response = await order({ scope: 'all' });
    expect(response.status).toBe(202);
    expect(locationOf(response)).toBe(`/v1/resyncs/${response.body.id}`);
    expect(response.body).toMatchObject({
      scope: 'all',
      mode: 'repair',
      reason: 'manual',
      state: 'queued',
      percent: null,
      certificate: null,
      requestedBy: 'writer',
    });
    expect(server.enqueued.at(-1)).toBe(response.body.id);
  });

  test('a resync since a moment keeps that moment', async () => {
    const response = await order({ scope: 'since', since: '2026-11-23T10:00:00+01:00', mode: 'verify' });
    expect(response.body).toMatchObject({
      since: '2026-11-23T09:00:00.000Z',
      mode: 'verify',
      repairs: false,
    });
  });

  test('a resync of named accounts takes each once and shows what is not an account id', async () => {
    const long = accountId(1);
    const given = [long, long.slice(0, 15), '003al00000K3N1w', 'nonsense', `${long.slice(0, 17)}z`];
    const response = await order({ scope: 'accounts', accountIds: given });
    expect(response.status).toBe(202);
    expect(response.body).toMatchObject({ accountIds: [long], invalidIds: given.slice(2), unknownIds: [] });
  });

  test('a resync may name at most ten thousand accounts', async () => {
    const accountIds = Array.from({ length: 10_001 }, (_, n) => accountId(n));
    expect((await order({ scope: 'accounts', accountIds: accountIds.slice(1) })).status).toBe(202);
    const response = await order({ scope: 'accounts', accountIds });
    expect(response.body.errors).toEqual([
      { field: 'accountIds', message: 'must not have more than 10000 entries' },
    ]);
  });

  test.each([
    [{}, 'scope'],
    [{ scope: 'some' }, 'scope'],
    [{ scope: 'all', mode: 'guess' }, 'mode'],
    [{ scope: 'since', since: '2026-11-23T10:00:00Z', mode: 'sample' }, 'mode'],
    [{ scope: 'since' }, 'since'],
    [{ scope: 'since', since: 'yesterday' }, 'since'],
    [{ scope: 'since', since: '2999-01-01T00:00:00Z' }, 'since'],
    [{ scope: 'since', since: '1969-12-31T23:59:59Z' }, 'since'],
    [{ scope: 'all', since: '2026-11-23T10:00:00Z' }, 'since'],
    [{ scope: 'all', accountIds: [accountId(1)] }, 'accountIds'],
    [{ scope: 'accounts' }, 'accountIds'],
    [{ scope: 'accounts', accountIds: [] }, 'accountIds'],
    [{ scope: 'accounts', accountIds: ['nonsense'] }, 'accountIds'],
    [{ scope: 'accounts', accountIds: ['\u0000', accountId(1)] }, 'accountIds.0'],
    [{ scope: 'all', force: true }, 'force'],
  ])('a resync of %j is refused and %s is named', async (body, field) => {
    const response = await order(body);
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ field, message: expect.any(String) }]);
    expect(await count()).toBe(0);
  });
});

describe('requests during a full resync', () => {
  test('a second request gets the running resync and starts nothing', async () => {
    const first = await order({ scope: 'all' });
    await setState(first.body.id, 'reading');
    const enqueued = server.enqueued.length;
    const second = await order({ scope: 'all' });
    expect(second.status).toBe(200);
    expect(locationOf(second)).toBe(locationOf(first));
    expect(second.body).toMatchObject({ id: first.body.id, state: 'reading' });
    expect([server.enqueued.length, await count()]).toEqual([enqueued, 1]);
    expect((await order({ scope: 'all', mode: 'verify' })).status).toBe(202);
    await setState(first.body.id, 'done');
    expect((await order({ scope: 'all' })).status).toBe(202);
  });

  test('one of two simultaneous requests starts a resync', async () => {
    const client = await server.database.pool.connect();
    // Both can look, neither can insert.
    await client.query('begin; lock table resyncs in share row exclusive mode');
    const both = Promise.all([order({ scope: 'all' }), order({ scope: 'all' })]);
    await eventually('both wait', async () => {
      const { rowCount } = await server.database.pool.query(
        `select from pg_locks l join pg_database d on d.oid = l.database
          where not granted and d.datname = current_database()`,
      );
      return rowCount === 2;
    });
    await client.query('commit');
    client.release();
    const [first, second] = await both;
    expect([first.status, second.status].sort()).toEqual([200, 202]);
    expect(first.body.id).toBe(second.body.id);
    expect(await count()).toBe(1);
  });
});

test('a client that waits for one account gets a failure at once in the usual response', async () => {
  const path = `/v1/accounts/${accountId(1)}/resync?wait=true`;
  const waiting = server.send('post', path, { key: keys.write });
  await eventually('it is queued', async () => (await count()) === 1);
  await server.database.pool.query(`update resyncs set state = 'failed'`);
  const response = await waiting;
  const { status, body } = response;
  expect(status).toBe(202);
  expect(body).toEqual({ id: body.id, accountId: accountId(1), state: 'failed' });
  expect(locationOf(response)).toBe(`/v1/resyncs/${body.id}`);
});

describe('cancellation', () => {
  const cancel = (id: string, key = keys.write) => server.send('delete', `/v1/resyncs/${id}`, { key });

  test.each(['queued', 'reading', 'applying', 'needs-confirmation'])(
    'a resync that is %s is cancelled, which the workers notice, and cancelling may be repeated',
    async (state) => {
      const { id } = (await order({ scope: 'all' })).body;
      await setState(id, state);
      const listener = await server.database.pool.connect();
      const woken = new Promise<string | undefined>((resolve) => {
        listener.once('notification', ({ payload }) => resolve(payload));
      });
      await listener.query('listen tidemark');
      const response = await cancel(id);
      expect(response.status).toBe(200);
      expect(response.body).toMatchObject({ id, state: 'cancelled', finishedAt: expect.any(String) });
      expect(await woken).toBe('resync');
      listener.release(true);
      expect((await cancel(id)).body).toEqual(response.body);
    },
  );

  test.each(['done', 'failed'])('a resync that is %s can not be cancelled', async (state) => {
    const { id } = (await order({ scope: 'all' })).body;
    await setState(id, state);
    const response = await cancel(id);
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ type: '/docs/problems#conflict' });
    expect((await server.send('get', `/v1/resyncs/${id}`)).body.state).toBe(state);
  });

  test('cancelling needs an existing resync and the scope write', async () => {
    expect((await cancel(uuid(99))).status).toBe(404);
    expect((await cancel(uuid(99), keys.read)).status).toBe(403);
  });
});

describe('the header Idempotency-Key', () => {
  const byKey = (key: string) => ({ 'idempotency-key': key });
  const since = { scope: 'since', since: '2026-11-23T10:00:00Z' };

  test('a repeated request is carried out once and answered as the first time', async () => {
    const first = await order(since, byKey('a'));
    await setState(first.body.id, 'done');
    const again = await order(since, byKey('a'));
    expect([again.status, again.headers['location']]).toEqual([202, first.headers['location']]);
    expect(again.body).toEqual(first.body);
    expect([first, again].map(({ headers }) => headers['idempotent-replayed'])).toEqual([undefined, 'true']);
    expect(await count()).toBe(1);
  });

  test('an idempotency key may be quoted as in the draft standard', async () => {
    const first = await order(since, byKey('"a b"'));
    expect((await order(since, byKey('a b'))).body.id).toBe(first.body.id);
  });

  test('idempotency keys of different callers are different', async () => {
    await order(since, byKey('a'));
    expect((await order(since, byKey('b'))).headers['idempotent-replayed']).toBeUndefined();
    expect((await order(since, byKey('a'), keys.admin)).headers['idempotent-replayed']).toBeUndefined();
    expect(await count()).toBe(3);
  });

  test('an idempotency key is refused with another request', async () => {
    await order(since, byKey('a'));
    const path = `/v1/accounts/${accountId(1)}/resync`;
    const others = [
      await order({ scope: 'all' }, byKey('a')),
      await server.send('post', path, { key: keys.write, headers: byKey('a') }),
    ];
    for (const response of others) {
      expect(response.status).toBe(422);
      expect(response.body).toMatchObject({ type: '/docs/problems#key-reused' });
    }
    expect(await count()).toBe(1);
  });

  test('twenty simultaneous requests with one idempotency key do the work once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => order(since, byKey('a'))));
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 202 && status !== 409)).toEqual([]);
    expect(statuses).toContain(202);
    expect(await count()).toBe(1);
  });

  test('a repeated request answers 409 while the first one is in progress', async () => {
    const client = await server.database.pool.connect();
    await client.query('begin; lock table resyncs in access exclusive mode');
    const first = order(since, byKey('a'));
    const waiting = async () =>
      (
        await server.database.pool.query(
          `select from pg_locks where not granted and relation = 'resyncs'::regclass`,
        )
      ).rowCount === 1;
    await eventually('the first request waits for the table', waiting);
    const second = await order(since, byKey('a'));
    await client.query('commit');
    client.release();
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ type: '/docs/problems#still-running' });
    expect((await first).status).toBe(202);
  });

  test('the idempotency key of a refused request is free again', async () => {
    expect((await order({ scope: 'since' }, byKey('a'))).status).toBe(400);
    expect((await order(since, byKey('a'))).status).toBe(202);
  });

  test('an idempotency key is valid for a day', async () => {
    await order(since, byKey('a'));
    await server.database.pool.query(
      `update idempotent_requests set created_at = now() - interval '25 hours'`,
    );
    expect((await order({ scope: 'all' }, byKey('a'))).status).toBe(202);
    expect((await order({ scope: 'all' }, byKey('a'))).headers['idempotent-replayed']).toBe('true');
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['unprintable', 'caf\u00e9'],
  ])('an idempotency key that is %s is refused', async (_name, key) => {
    const response = await order(since, byKey(key));
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ field: 'idempotency-key', message: expect.any(String) }]);
  });

  test('idempotency keys apply to the resync of an account and the retry of an event', async () => {
    const path = `/v1/accounts/${accountId(1)}/resync`;
    const headers = byKey('c');
    const first = await server.send('post', path, { key: keys.write, headers });
    expect((await server.send('post', path, { key: keys.write, headers })).body).toEqual(first.body);
    expect(await count()).toBe(1);
    const id = await insertEvent(server.database.prisma, { eventId: uuid(7), state: 'failed' });
    const retry = () =>
      server.send('post', `/v1/events/${id}/retry`, { key: keys.write, headers: byKey('d') });
    expect([(await retry()).status, (await retry()).status]).toEqual([202, 202]);
  });
});
