import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId } from './rows.ts';
import { acme, acmeWest, bolt, gone, insertSampleAccounts } from './sample-accounts.ts';
import { keys, locationOf, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await insertSampleAccounts(server.database.prisma);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('single accounts', () => {
  test('an account has every mirrored field, the known ones at the top and empty ones as null', async () => {
    const response = await server.send('get', `/v1/accounts/${acme}`);
    expect(response.body).toEqual({
      id: acme,
      name: 'Acme',
      accountNumber: 'A-1',
      signupCode: 'CODE-1',
      pendingSignupCode: null,
      codeState: 'confirmed',
      codeError: null,
      fields: {
        Industry: 'Energy',
        Phone: null,
        BillingAddress: { City: 'Oslo' },
        Renamed__c: 'still here',
      },
      createdAt: '2026-01-01T00:00:00.000Z',
      modifiedAt: '2026-03-01T00:00:00.000Z',
      deletedAt: null,
      mergedInto: null,
      stale: false,
      replacedFields: [],
      changedAt: '2026-03-01T00:00:05.000Z',
      syncedAt: '2026-11-23T10:00:00.000Z',
      version: 'v1',
    });
  });

  test('an account is the same in the list', async () => {
    const one = await server.send('get', `/v1/accounts/${acme}`);
    const list = await server.send('get', '/v1/accounts?limit=1');
    expect(list.body.data).toEqual([one.body]);
  });

  test('an account is found by its 15-character id', async () => {
    const response = await server.send('get', `/v1/accounts/${acme.slice(0, 15)}`);
    expect(response.body.id).toBe(acme);
  });

  test('an account shows why its code could not be written', async () => {
    const response = await server.send('get', `/v1/accounts/${acmeWest}`);
    expect(response.body.codeError).toEqual({
      code: 'FIELD_CUSTOM_VALIDATION',
      message: 'No.',
      at: '2026-02-01T00:00:00.000Z',
    });
  });

  test('an account shows that it is deleted or stale', async () => {
    expect((await server.send('get', `/v1/accounts/${gone}`)).body.deletedAt).toBe(
      '2026-05-01T00:00:00.000Z',
    );
    expect((await server.send('get', `/v1/accounts/${bolt}`)).body.stale).toBe(true);
  });

  test('an account missing from the mirror is not found', async () => {
    const response = await server.send('get', `/v1/accounts/${accountId(99)}`);
    expect(response.status).toBe(404);
    expect(response.body.detail).toBe(`Account ${accountId(99)} is not in the mirror.`);
  });

  test.each(['x', '001', 'a'.repeat(16), 'a'.repeat(19), '001al0000000001AAB', "001al000000000'", '%00'])(
    'the malformed account id %s is not looked up',
    async (id) => {
      const response = await server.send('get', `/v1/accounts/${id}`);
      expect(response.status).toBe(400);
      expect(response.body.errors).toEqual([{ field: 'id', message: expect.any(String) }]);
    },
  );

  test('an unchanged account is not sent again to a client that has it', async () => {
    const path = `/v1/accounts/${bolt}`;
    const etag = (await server.send('get', path)).headers['etag'] ?? '';
    expect(etag).toMatch(/^W\/"1-/);
    const same = await server.send('get', path, { headers: { 'if-none-match': `"other", ${etag}` } });
    expect([same.status, same.text, same.headers['etag']]).toEqual([304, '', etag]);
    await server.database.pool.query('UPDATE accounts SET revision = revision + 1 WHERE id = $1', [bolt]);
    const changed = await server.send('get', path, { headers: { 'if-none-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers['etag']).not.toBe(etag);
  });

  test('an account can be requested with HEAD', async () => {
    const response = await server.send('head', `/v1/accounts/${acme}`);
    expect([response.status, response.text]).toEqual([200, undefined]);
  });
});

describe('the resync of an account', () => {
  test('the resync of an account is queued with the name of the key and answers with its location', async () => {
    const response = await server.send('post', `/v1/accounts/${acme.slice(0, 15)}/resync`, {
      key: keys.write,
    });
    expect(response.status).toBe(202);
    expect(locationOf(response)).toBe(`/v1/resyncs/${response.body.id}`);
    expect(response.body).toEqual({ id: expect.any(String), accountId: acme, state: 'queued' });
    expect(server.enqueued.at(-1)).toBe(response.body.id);
    expect((await server.send('get', `/v1/resyncs/${response.body.id}`)).body).toMatchObject({
      scope: 'accounts',
      mode: 'repair',
      accountIds: [acme],
      requestedBy: 'writer',
    });
  });

  test('a resync can be requested for an account that only Salesforce knows', async () => {
    const path = `/v1/accounts/${accountId(99)}/resync`;
    const response = await server.send('post', path, { key: keys.admin });
    expect(response.status).toBe(202);
    expect(server.enqueued.at(-1)).toBe(response.body.id);
  });

  test.each(['003al00000K3N1w', '001al0000000001AAB', 'x'])('a resync is refused for %s', async (id) => {
    const before = server.enqueued.length;
    const response = await server.send('post', `/v1/accounts/${id}/resync`, { key: keys.write });
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([{ field: 'id', message: expect.any(String) }]);
    expect(server.enqueued).toHaveLength(before);
  });
});
