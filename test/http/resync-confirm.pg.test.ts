import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, uuid } from './rows.ts';
import { keys, locationOf, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
beforeEach(async () => {
  await server.database.pool.query('truncate resyncs, idempotent_requests, invisible_accounts cascade');
  await server.database.pool.query(
    `insert into resyncs (id, scope, reason, account_ids, state, error, not_visible, waiting)
     values ($1, 'all', 'overflow', '{}', 'needs-confirmation', 'Check it.', 1, '{"reason": "confirmation"}')`,
    [uuid(1)],
  );
  await server.database.pool.query(
    `insert into invisible_accounts (account_id, state, version, resync_id) values ($1, 'kept', '1.1.1.1', $2)`,
    [accountId(1), uuid(1)],
  );
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const confirm = (id = uuid(1), key = keys.admin, headers: Readonly<Record<string, string>> = {}) =>
  server.send('post', `/v1/resyncs/${id}/confirm`, { key, headers });

describe('POST /v1/resyncs/{id}/confirm', () => {
  test('a confirmed resync is queued again with its job, and shows who confirmed it', async () => {
    const response = await confirm();
    expect(response.status).toBe(202);
    expect(locationOf(response)).toBe(`/v1/resyncs/${uuid(1)}`);
    expect(response.body).toMatchObject({
      state: 'queued',
      error: null,
      waiting: null,
      confirmedBy: 'operator',
      confirmedAt: expect.any(String),
    });
    expect(server.enqueued.at(-1)).toBe(uuid(1));
    const { rows } = await server.database.pool.query('select confirmed from invisible_accounts');
    expect(rows).toEqual([{ confirmed: true }]);
  });

  test('a confirmation is answered with 409 if the resync does not need one, and with 404 if there is none', async () => {
    await confirm();
    const enqueued = server.enqueued.length;
    const again = await confirm();
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({
      type: '/docs/problems#conflict',
      detail: expect.stringContaining('queued'),
    });
    expect((await confirm(uuid(2))).status).toBe(404);
    expect(server.enqueued.length).toBe(enqueued);
  });

  test('a confirmation needs the scope admin', async () => {
    expect((await confirm(uuid(1), keys.write)).status).toBe(403);
    expect((await confirm(uuid(1), keys.read)).status).toBe(403);
  });

  test('a confirmation is carried out once for one Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'a' };
    const first = await confirm(uuid(1), keys.admin, key);
    const second = await confirm(uuid(1), keys.admin, key);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body).toEqual(first.body);
  });
});

test('a resync that needs confirmation is listed by its state and in the status, with what it waits for', async () => {
  const list = await server.send('get', '/v1/resyncs?state=needs-confirmation');
  expect(list.body.data).toMatchObject([
    { id: uuid(1), notVisible: 1, error: 'Check it.', finishedAt: null },
  ]);
  const status = await server.send('get', '/v1/status');
  expect(status.body.resyncs).toMatchObject([
    { id: uuid(1), state: 'needs-confirmation', waiting: { reason: 'confirmation' } },
  ]);
});

test('a client that waits for one account is answered as soon as its resync needs confirmation', async () => {
  const waiting = server.send('post', `/v1/accounts/${accountId(2)}/resync?wait=true`, { key: keys.write });
  for (let updated = 0; updated === 0; ) {
    const { rowCount } = await server.database.pool.query(
      `update resyncs set state = 'needs-confirmation' where state = 'queued'`,
    );
    updated = rowCount ?? 0;
  }
  expect(await waiting).toMatchObject({ status: 202, body: { state: 'needs-confirmation' } });
});
