import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount } from './rows.ts';
import { keys, locationOf, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

const rule = { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'No.', at: null, fields: ['Phone'] };
const locked = { code: 'UNABLE_TO_LOCK_ROW', message: 'Locked.', at: '2026-11-23T10:00:00.000Z' };
const minute = (n: number): Date => new Date(Date.UTC(2026, 10, 23, 10, n));

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  const { prisma } = server.database;
  const insert = (n: number, codeState: string, more: object = {}) =>
    insertAccount(prisma, accountId(n), { name: `Account ${n}`, signupCode: `CODE${n}`, codeState, ...more });
  await insert(1, 'pending', {
    codeDueAt: minute(59),
    codeError: locked,
    codeAttempts: 2,
    codeAttemptedAt: minute(1),
  });
  await insert(2, 'failed', { codeError: rule, codeAttemptedAt: minute(2) });
  await insert(3, 'failed', { codeError: rule, codeAttemptedAt: minute(3) });
  await insert(4, 'failed', { codeError: locked, codeAttemptedAt: minute(4) });
  await insert(5, 'written', { codeAttemptedAt: minute(5) });
  await insert(6, 'confirmed', { codeAttemptedAt: minute(6) });
  await insert(7, 'failed', { codeError: rule, codeAttemptedAt: minute(7), deleted: true });
  await insert(8, 'none', { signupCode: null });
  await insert(9, 'none', { signupCode: null, deleted: true });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const list = async (query: string): Promise<string[]> => {
  const { body } = await server.send('get', `/v1/write-backs?${query}`);
  return body.data.map((row: { accountId: string }) => row.accountId);
};
const ids = (...numbers: number[]): string[] => numbers.map(accountId);

describe('write-backs', () => {
  test('write-backs are the unconfirmed codes of accounts that exist, the last tried first', async () => {
    expect(await list('')).toEqual(ids(5, 4, 3, 2, 1));
  });

  test('write-backs are filtered by state and by error code', async () => {
    expect(await list('state=failed')).toEqual(ids(4, 3, 2));
    expect(await list(`state=failed&errorCode=${rule.code}`)).toEqual(ids(3, 2));
    expect(await list('errorCode=UNABLE_TO_LOCK_ROW')).toEqual(ids(4, 1));
    expect(await list('errorCode=NONE_SUCH')).toEqual([]);
    expect((await server.send('get', '/v1/write-backs?state=confirmed')).status).toBe(400);
  });

  test('write-backs are listed page by page', async () => {
    const { body: first } = await server.send('get', '/v1/write-backs?limit=3');
    const { body: second } = await server.send('get', `/v1/write-backs?limit=3&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data].map(({ accountId: id }) => id)).toEqual(ids(5, 4, 3, 2, 1));
    expect(second.nextCursor).toBeNull();
  });

  test("write-backs show Salesforce's response and the time of the next attempt", async () => {
    const { body } = await server.send('get', `/v1/write-backs/${accountId(1)}`);
    expect(body).toEqual({
      accountId: accountId(1),
      name: 'Account 1',
      signupCode: null,
      pendingSignupCode: 'CODE1',
      state: 'pending',
      error: { ...locked, fields: [] },
      attempts: 2,
      lastAttemptAt: minute(1).toISOString(),
      nextAttemptAt: minute(59).toISOString(),
      reason: expect.objectContaining({ code: 'not-running' }),
      history: [],
    });
    expect((await server.send('get', `/v1/write-backs/${accountId(99)}`)).status).toBe(404);
    expect((await server.send('get', '/v1/write-backs/003al0000012345AAA')).status).toBe(400);
  });

  test('write-backs are retried one by one or all of one cause', async () => {
    const key = keys.write;
    const retry = async (n: number) =>
      (await server.send('post', `/v1/write-backs/${accountId(n)}/retry`, { key })).status;
    expect(await Promise.all([retry(4), retry(1), retry(6), retry(7), retry(8), retry(99)])).toEqual([
      202, 202, 404, 404, 404, 404,
    ]);
    const answer = await server.send('post', '/v1/write-backs/retry', {
      key,
      body: { errorCode: rule.code },
    });
    expect([answer.status, answer.body]).toEqual([202, { retried: 2 }]);
    expect(await list('state=failed')).toEqual([]);
    expect(await list('state=pending')).toEqual(ids(4, 3, 2, 1));
    const { body } = await server.send('get', `/v1/write-backs/${accountId(1)}`);
    expect(body.nextAttemptAt).toBeNull();
  });

  test('a retry requires the scope write', async () => {
    const path = `/v1/write-backs/${accountId(2)}/retry`;
    expect((await server.send('post', path, { key: keys.read })).status).toBe(403);
    const repeated = { key: keys.write, headers: { 'idempotency-key': 'the-same' } };
    const [first, second] = [
      await server.send('post', path, repeated),
      await server.send('post', path, repeated),
    ];
    expect([first.status, second.status, second.body]).toEqual([202, 202, first.body]);
    expect(second.headers['idempotent-replayed']).toBe('true');
    const body = { errorCode: rule.code };
    expect((await server.send('post', '/v1/write-backs/retry', { key: keys.read, body })).status).toBe(403);
    expect((await server.send('post', '/v1/write-backs/retry', { key: keys.write, body: {} })).status).toBe(
      400,
    );
  });
});

describe('signup codes on request', () => {
  const ask = (n: number, options: { key?: string; body?: object; headers?: Record<string, string> } = {}) =>
    server.send('post', `/v1/accounts/${accountId(n)}/signup-code`, { key: keys.write, ...options });

  test('a code is generated if there is none and is otherwise returned', async () => {
    const made = await ask(8);
    expect(made.status).toBe(202);
    expect(locationOf(made)).toBe(`/v1/write-backs/${accountId(8)}`);
    expect(made.body).toEqual({
      accountId: accountId(8),
      signupCode: null,
      pendingSignupCode: expect.stringMatching(/^MADE/),
      codeState: 'pending',
    });
    const again = await ask(8, { body: {} });
    expect([again.status, again.body]).toEqual([200, made.body]);
    expect((await ask(6)).body).toEqual({
      accountId: accountId(6),
      signupCode: 'CODE6',
      pendingSignupCode: null,
      codeState: 'confirmed',
    });
  });

  test('only an admin may replace a code, and the old one stays in the history', async () => {
    const body = { regenerate: true };
    expect((await ask(6, { body })).status).toBe(403);
    const { status, body: answer } = await ask(6, { body, key: keys.admin });
    expect([status, answer.codeState]).toEqual([202, 'pending']);
    expect(answer).toMatchObject({ signupCode: null, pendingSignupCode: expect.not.stringMatching('CODE6') });
    const { body: writeBack } = await server.send('get', `/v1/write-backs/${accountId(6)}`);
    expect(writeBack.history).toMatchObject([
      { code: 'CODE6', outcome: 'replaced', error: { message: expect.stringContaining('"operator"') } },
    ]);
  });

  test('a request repeated with its Idempotency-Key replaces the code once', async () => {
    const options = {
      key: keys.admin,
      body: { regenerate: true },
      headers: { 'idempotency-key': 'replaced-once' },
    };
    const first = await ask(8, options);
    const again = await ask(8, options);
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await ask(8, { ...options, body: {} })).status).toBe(422);
  });

  test('a deleted or unknown account gets no code and an invalid request is refused', async () => {
    expect((await ask(9)).status).toBe(409);
    expect((await ask(99)).status).toBe(404);
    expect((await ask(8, { body: { regenerate: 'yes' } })).status).toBe(400);
    expect((await ask(8, { key: keys.read })).status).toBe(403);
  });
});

describe('the status of the write-back', () => {
  test('the write-back is idle if no process runs it, whatever one left behind', async () => {
    await server.database.pool.query(
      `insert into write_back_state (topic, state, reason, api_used, api_max, api_reserve_percent, api_seen_at)
       values ('/data/AccountChangeEvent', 'waiting', '{"code":"x","message":"y"}', 5, 10, 20, now())`,
    );
    const { body } = await server.send('get', '/v1/status');
    expect(body.writeBack).toMatchObject({
      state: 'idle',
      since: null,
      reason: null,
      api: { used: 5, max: 10, reservePercent: 20 },
      backfill: null,
    });
    const client = await server.database.pool.connect();
    await client.query('select pg_advisory_lock(7245113006)');
    const { body: held } = await server.send('get', '/v1/status');
    expect(held.writeBack).toMatchObject({ state: 'waiting', reason: { code: 'x', message: 'y' } });
    client.release(true);
  });
});
