import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAccount } from '../../src/http/views/read-account.ts';
import { ensureColumns } from '../../src/mirror/prepare-mirror.ts';
import type { ScalarType, SchemaField } from '../../src/salesforce/writer-schema.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId } from './rows.ts';
import { acme, bolt, insertSampleAccounts } from './sample-accounts.ts';
import { startServer, type TestServer } from './start-server.ts';

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

const field = (
  name: string,
  scalar: ScalarType,
  { kind = 'plain', parts = [] }: Partial<Pick<SchemaField, 'kind' | 'parts'>> = {},
): SchemaField => ({
  name,
  kind,
  parts: [...parts],
  scalars: new Map(parts.length === 0 ? [['', scalar]] : parts.map((part) => [part, scalar])),
});
const addColumns = (...fields: SchemaField[]): Promise<unknown> =>
  ensureColumns(
    server.database.pool,
    [field('ChangeEventHeader', 'text'), field('Name', 'text'), ...fields],
    false,
  );
const set = (assignments: string): Promise<unknown> =>
  server.database.pool.query(`update salesforce.account set ${assignments} where id = $1`, [acme]);
const one = async () => (await server.send('get', `/v1/accounts/${acme}`)).body;
const listed = async () => (await server.send('get', '/v1/accounts?limit=200')).body.data;
const inList = async () => (await listed()).find(({ id }: { id: string }) => id === acme);

describe('accounts read from typed columns', () => {
  test.each([
    ['one account', one],
    ['a list', inList],
    [
      'a list with selected fields',
      async () =>
        (await server.send('get', '/v1/accounts?limit=200&select=fields')).body.data.find(
          ({ id }: { id: string }) => id === acme,
        ),
    ],
  ])('%s has the value of a column that was added after the previous read', async (what, read) => {
    await read();
    const name = `Tier${what.replaceAll(' ', '')}__c`;
    await addColumns(field(name, 'text'));
    await set(`${name.toLowerCase()} = 'gold "1"'`);
    expect((await read()).fields[name]).toBe('gold "1"');
  });

  test('values of every type are served as the view accounts has them', async () => {
    const parts = ['City', 'Street'];
    await addColumns(
      field('Flag__c', 'boolean'),
      field('Count__c', 'integer'),
      field('Long__c', 'long'),
      field('Huge__c', 'long'),
      field('Amount__c', 'number'),
      field('Day__c', 'long', { kind: 'date' }),
      field('Noon__c', 'long', { kind: 'time' }),
      field('Moment__c', 'long', { kind: 'datetime' }),
      field('OtherAddress', 'text', { parts }),
      field('EmptyAddress', 'text', { parts }),
    );
    await set(`flag__c = false, count__c = -7, long__c = 9007199254740991, huge__c = 9007199254740993,
      amount__c = 10.25, day__c = '2026-02-28', noon__c = '12:30:00.25', moment__c = '2026-02-28T10:00:00.5Z',
      othercity = 'Ås', additional_fields = '{"OtherAddress.Zip": "1430", "Loose__c": true}'`);
    const { rows } = await server.database.pool.query<{ fields: Record<string, unknown> }>(
      'select fields from accounts where id = $1',
      [acme],
    );
    const { Name, AccountNumber, CreatedDate, LastModifiedDate, IsDeleted, SignUpCode__c, ...fields } =
      rows[0]?.fields ?? {};
    expect(fields).toMatchObject({
      Flag__c: false,
      Huge__c: '9007199254740993',
      Day__c: '2026-02-28',
      Noon__c: '12:30:00.250Z',
      Moment__c: '2026-02-28T10:00:00.500Z',
      OtherAddress: { City: 'Ås', Zip: '1430' },
      Loose__c: true,
    });
    for (const account of [await one(), await inList()]) {
      const withValues = Object.entries(account.fields).filter(([, value]) => value !== null);
      expect(Object.fromEntries(withValues)).toEqual(fields);
    }
  });

  test('accounts that are read at the same time each reach their own reader', async () => {
    const ids = [acme, bolt, accountId(999_999), acme];
    const shape = { fieldNames: [], signupCodeField: 'SignUpCode__c' };
    const accounts = await Promise.all(ids.map((id) => readAccount(server.database.pool, shape, id)));
    expect(accounts.map((account) => account?.id)).toEqual([acme, bolt, undefined, acme]);
  });
});
