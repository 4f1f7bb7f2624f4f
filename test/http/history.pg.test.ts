import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { foldHistory } from '../../src/history/fold-history.ts';
import { readCursorKey, signCursor } from '../../src/http/plugins/signed-cursors.ts';
import { encodeCursor, listKey } from '../../src/http/search/list-page.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertEvent, uuid } from './rows.ts';
import { nextPage, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

const [acme = '', loaded = '', never = '', merged = ''] = [1, 2, 3, 4].map(accountId);
const user = '005al000001AAAAAA2';
const hour = (at: number): string => new Date(Date.UTC(2026, 10, 1, at)).toISOString();
const ms = (at: number): number => Date.parse(hour(at));
const resyncId = '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01';

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  await server.database.pool.query(
    `insert into resyncs (id, scope, reason, state, read_at) values ($1, 'all', 'initial', 'done', $2)`,
    [resyncId, hour(9)],
  );
  await tell('CREATE', 10, [acme], {
    Name: 'Acme',
    'BillingAddress.City': 'Oslo',
    CreatedDate: hour(10),
    IsDeleted: false,
  });
  await read(loaded, 2, 9, { Name: 'Loaded', CreatedDate: hour(1), IsDeleted: false });
  await tell('UPDATE', 11, [acme, loaded], { Industry: 'Energy' }, 'tx-b', 2);
  await tell('UPDATE', 11, [acme], { SignUpCode__c: 'CODE-1' }, 'tx-b', 1);
  await read(acme, 11, 12, {
    Name: 'Acme AS',
    'BillingAddress.City': 'Oslo',
    CreatedDate: hour(10),
    Industry: 'Energy',
    SignUpCode__c: 'CODE-1',
    IsDeleted: false,
  });
  await tell('DELETE', 14, [acme], { IsDeleted: true });
  // Late: it committed before the deletion.
  await tell('UPDATE', 13, [acme], { 'BillingAddress.City': 'Bergen' });
  await read(merged, 2, 9, { Name: 'Lost', CreatedDate: hour(1), IsDeleted: true, MasterRecordId: acme });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

let told = 0;
async function tell(
  changeType: string,
  at: number,
  ids: readonly string[],
  values: Record<string, Scalar>,
  transactionKey = `tx-${at}`,
  sequenceNumber = 1,
): Promise<void> {
  const number = await insertEvent(server.database.prisma, {
    eventId: uuid(++told),
    changeType,
    transactionKey,
    sequenceNumber,
    recordIds: [...ids],
    entityName: 'Account',
    commitTimestamp: hour(at),
    commitNumber: BigInt(at),
    commitUser: user,
    changeOrigin: 'com/salesforce/api/rest/66.0;client=Import',
  });
  await apply(
    ids.map((id) => ({
      accountId: id,
      change: {
        version: [ms(at), BigInt(at), sequenceNumber, 0],
        kind: changeType === 'CREATE' ? ('snapshot' as const) : ('patch' as const),
        values: new Map(Object.entries(values)),
      },
      eligible: false,
      gap: false,
      event: { id: BigInt(number), changeType },
    })),
  );
}

function read(id: string, at: number, readAt: number, values: Record<string, Scalar>): Promise<void> {
  const version = [ms(at), BigInt(at), 9, ms(readAt)] as const;
  const change = { version, kind: 'snapshot' as const, values: new Map(Object.entries(values)) };
  return apply([{ accountId: id, change, eligible: false, gap: false, ...(readAt === 9 && { resyncId }) }]);
}

function apply(changes: readonly AccountChange[]): Promise<void> {
  return inTransaction(server.database.pool, async (client) => {
    await applyChanges(client, changes, codeRules({ field: 'SignUpCode__c' }));
  });
}

const get = async (path: string) => (await server.send('get', path)).body;
const status = async (path: string) => {
  const { status: code, body } = await server.send('get', path);
  return [code, body.type];
};
const notFound = [404, '/docs/problems#not-found'];
const beforeHistory = [410, '/docs/problems#before-history'];
const invalid = [400, '/docs/problems#invalid-request'];

describe('the history of an account', () => {
  test('the history shows who changed what, when and from where, newest commit first', async () => {
    const { data, nextCursor } = await get(`/v1/accounts/${acme}/events`);
    expect(nextCursor).toBeNull();
    expect(data).toMatchObject([
      { kind: 'event', changeType: 'DELETE', changes: [{ field: 'IsDeleted', before: false, after: true }] },
      { changeType: 'UPDATE', changes: [{ field: 'BillingAddress.City', before: 'Oslo', after: 'Bergen' }] },
      {
        kind: 'reading',
        id: null,
        readAt: hour(12),
        resyncId: null,
        changes: [{ field: 'Name', before: 'Acme', after: 'Acme AS' }],
      },
      { sequenceNumber: 2, changes: [{ field: 'Industry', before: null, after: 'Energy' }] },
      { sequenceNumber: 1, changes: [{ field: 'SignUpCode__c', before: null, after: 'CODE-1' }] },
      {
        changeType: 'CREATE',
        changes: expect.arrayContaining([{ field: 'Name', before: null, after: 'Acme' }]),
      },
    ]);
    expect(data[3]).toMatchObject({
      id: '2',
      eventId: uuid(2),
      commitTimestamp: hour(11),
      transactionKey: 'tx-b',
      commitUser: user,
      changeOrigin: 'com/salesforce/api/rest/66.0;client=Import',
      recordIds: [acme, loaded],
    });
  });

  test('the pages of a history contain the same entries', async () => {
    const { data } = await get(`/v1/accounts/${acme}/events`);
    expect(await walk(`/v1/accounts/${acme.slice(0, 15)}/events?limit=1`)).toEqual(data);
    expect(await walk(`/v1/accounts/${acme}/events?limit=4`)).toEqual(data);
  });

  test('a history begins with the read that brought the account', async () => {
    const { data } = await get(`/v1/accounts/${loaded}/events`);
    expect(data).toMatchObject([
      { changes: [{ field: 'Industry', before: null, after: 'Energy' }] },
      {
        kind: 'reading',
        resyncId,
        readAt: hour(9),
        changes: expect.arrayContaining([{ field: 'Name', after: 'Loaded' }]),
      },
    ]);
    expect((await get(`/v1/accounts/${merged}/events`)).data).toMatchObject([{ kind: 'reading', resyncId }]);
  });

  test('the history of an unknown account is not found', async () => {
    expect(await status(`/v1/accounts/${never}/events`)).toEqual(notFound);
  });

  test('a signed cursor that is not a position in the history is refused', async () => {
    const key = await readCursorKey(server.database.prisma);
    const list = listKey(`/v1/accounts/${acme}/events`, { limit: 1 });
    for (const version of ['1.99999999999999999999.1.1', '1.1.99999999999.1', '1.1.1', 'x', '1.1.1.1.1']) {
      const forged = signCursor(key, encodeCursor(list, { by: null, id: version }));
      expect(await status(`/v1/accounts/${acme}/events?limit=1&cursor=${forged}`)).toEqual(invalid);
    }
  });
});

describe('an account as of a moment', () => {
  const asOf = (id: string, moment: string) => `/v1/accounts/${id}?asOf=${encodeURIComponent(moment)}`;

  test('a past state contains what had been committed by then, however late it arrived', async () => {
    expect(await get(asOf(acme, hour(10)))).toMatchObject({
      id: acme,
      name: 'Acme',
      signupCode: null,
      codeState: 'none',
      deletedAt: null,
      stale: false,
      fields: { BillingAddress: { City: 'Oslo' }, Industry: null },
    });
    expect(await get(asOf(acme, hour(13)))).toMatchObject({
      name: 'Acme AS',
      signupCode: 'CODE-1',
      codeState: 'confirmed',
      fields: { BillingAddress: { City: 'Bergen' }, Industry: 'Energy' },
    });
    expect(await get(asOf(acme, hour(14)))).toMatchObject({ deletedAt: hour(14) });
    expect(await get(asOf(loaded, '2026-11-01T05:00:00+02:00'))).toMatchObject({
      name: 'Loaded',
      fields: { Industry: null },
    });
  });

  test('the state as of now equals the account', async () => {
    const [then, now] = await Promise.all([get(asOf(acme, hour(20))), get(`/v1/accounts/${acme}`)]);
    for (const key of ['name', 'fields', 'createdAt', 'modifiedAt', 'deletedAt', 'mergedInto', 'version'])
      expect(then[key]).toEqual(now[key]);
  });

  test('an account does not exist before its creation and is unknown before it was read', async () => {
    expect(await status(asOf(acme, hour(9)))).toEqual(notFound);
    expect(await status(asOf(loaded, '2026-11-01T00:30:00Z'))).toEqual(notFound);
    expect(await status(asOf(loaded, '2026-11-01T01:30:00Z'))).toEqual(beforeHistory);
    expect((await get(asOf(loaded, '2026-11-01T01:30:00Z'))).detail).toContain(hour(2));
    expect(await status(asOf(never, hour(9)))).toEqual(notFound);
  });

  test.each(['2999-01-01T00:00:00Z', 'yesterday', '0000-01-01T00:00:00Z'])(
    'the moment %s is refused',
    async (moment) => {
      expect(await status(asOf(acme, moment))).toEqual(invalid);
    },
  );
});

describe('the difference of two moments', () => {
  const diff = (id: string, from: number, to: number) =>
    `/v1/accounts/${id}/diff?from=${hour(from)}&to=${hour(to)}`;

  test('a difference names the fields that differ and nothing else', async () => {
    expect(await get(diff(acme, 10, 13))).toEqual({
      accountId: acme,
      from: hour(10),
      to: hour(13),
      changes: [
        { field: 'BillingAddress.City', before: 'Oslo', after: 'Bergen' },
        { field: 'Industry', before: null, after: 'Energy' },
        { field: 'Name', before: 'Acme', after: 'Acme AS' },
        { field: 'SignUpCode__c', before: null, after: 'CODE-1' },
      ],
    });
    expect((await get(diff(acme, 12, 12))).changes).toEqual([]);
    expect((await get(`/v1/accounts/${acme}/diff?from=${hour(13)}`)).changes).toEqual([
      { field: 'IsDeleted', before: false, after: true },
    ]);
  });

  test('every field is empty before the account was created', async () => {
    expect((await get(diff(acme, 1, 10))).changes).toContainEqual({
      field: 'Name',
      before: null,
      after: 'Acme',
    });
  });

  test('a difference of unknown moments or in the wrong order is refused', async () => {
    expect(await status(`/v1/accounts/${loaded}/diff?from=2026-11-01T01:30:00Z`)).toEqual(beforeHistory);
    expect(await status(diff(acme, 1, 2))).toEqual(notFound);
    expect(await status(diff(acme, 13, 10))).toEqual(invalid);
    expect(await status(`/v1/accounts/${acme}/diff`)).toEqual(invalid);
  });
});

describe('the history of a field', () => {
  const field = (id: string, name: string) => `/v1/accounts/${id}/fields/${name}/history`;

  test('the history of a field shows who wrote it, newest first', async () => {
    const { data } = await get(field(acme, 'Name'));
    expect(data).toMatchObject([
      { kind: 'reading', before: 'Acme', after: 'Acme AS', commitUser: null },
      {
        kind: 'event',
        changeType: 'CREATE',
        before: null,
        after: 'Acme',
        commitUser: user,
        transactionKey: 'tx-10',
      },
    ]);
    expect(await walk(`${field(acme, 'Name')}?limit=1`)).toEqual(data);
  });

  test('the history of a field includes parts of compound fields and late changes', async () => {
    expect((await get(field(acme, 'BillingAddress.City'))).data).toMatchObject([
      { before: 'Oslo', after: 'Bergen', commitTimestamp: hour(13) },
      { before: null, after: 'Oslo' },
    ]);
  });

  test('the history of a field ends with the read that brought the account', async () => {
    const { data } = await get(field(loaded, 'Name'));
    expect(data).toMatchObject([{ kind: 'reading', resyncId, after: 'Loaded' }]);
    expect(data[0]).not.toHaveProperty('before');
  });

  test('the history of an unknown field or account is not found', async () => {
    expect(await status(field(acme, 'Nonsense'))).toEqual(notFound);
    expect(await status(field(acme, 'BillingAddress.Nonsense'))).toEqual(notFound);
    expect(await status(field(never, 'Name'))).toEqual(notFound);
    expect(await status(field(acme, 'BillingAddress'))).toEqual(invalid);
    expect(await status(field(acme, "a'b"))).toEqual(invalid);
  });
});

describe('transactions', () => {
  test('a transaction shows its events in order with what each changed in each account', async () => {
    const body = await get('/v1/transactions/tx-b');
    expect(body).toMatchObject({
      key: 'tx-b',
      complete: true,
      commitTimestamp: hour(11),
      commitUser: user,
      nextCursor: null,
      data: [
        {
          sequenceNumber: 1,
          accounts: [{ id: acme, changes: [{ field: 'SignUpCode__c', before: null, after: 'CODE-1' }] }],
        },
        {
          sequenceNumber: 2,
          accounts: [
            { id: acme, changes: [{ field: 'Industry', before: null, after: 'Energy' }] },
            { id: loaded, changes: [{ field: 'Industry', before: null, after: 'Energy' }] },
          ],
        },
      ],
    });
    expect(await walk('/v1/transactions/tx-b?limit=1')).toEqual(body.data);
  });

  test('a transaction is complete only if something is known to have followed', async () => {
    expect(await get('/v1/transactions/tx-13')).toMatchObject({ complete: false });
    expect(await get('/v1/transactions/tx-14')).toMatchObject({ complete: true });
    await insertEvent(server.database.prisma, {
      eventId: uuid(90),
      state: 'failed',
      transactionKey: 'tx-f',
      sequenceNumber: 1,
    });
    await insertEvent(server.database.prisma, {
      eventId: uuid(91),
      transactionKey: 'tx-g',
      sequenceNumber: 1,
    });
    expect(await get('/v1/transactions/tx-f')).toMatchObject({ complete: false, data: [{ accounts: [] }] });
  });

  test('a transaction key without events is not found', async () => {
    expect(await status('/v1/transactions/tx-none')).toEqual(notFound);
  });
});

describe('merged accounts', () => {
  test('a merged account names the account it was merged into outside its fields', async () => {
    const { mergedInto, fields } = await get(`/v1/accounts/${merged}`);
    expect([mergedInto, fields.MasterRecordId]).toEqual([acme, undefined]);
    expect((await get(`/v1/accounts/${acme}`)).mergedInto).toBeNull();
  });
});

describe('folded histories', () => {
  test('a folded history is known from the fold on and says so', async () => {
    const later = await get(`/v1/accounts/${acme}?asOf=${hour(13)}`);
    await foldHistory(server.database.pool, { through: new Date(hour(12)) });
    expect(await get(`/v1/accounts/${acme}?asOf=${hour(13)}`)).toEqual(later);
    expect(await status(`/v1/accounts/${acme}?asOf=${hour(10)}`)).toEqual(beforeHistory);
    const { data } = await get(`/v1/accounts/${acme}/events`);
    expect(data.map(({ kind }: { kind: string }) => kind)).toEqual(['event', 'event', 'reading']);
  });
});

async function walk(path: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const response = await server.send('get', next);
    expect(response.status, response.text).toBe(200);
    seen.push(...response.body.data);
    next = nextPage(response);
  }
  return seen;
}
