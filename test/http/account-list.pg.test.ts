import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { acme, acmeWest, blank, bolt, gone, insertSampleAccounts } from './sample-accounts.ts';
import { nextPage, startServer, type TestServer } from './start-server.ts';

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

describe('the list of accounts', () => {
  test.each([
    ['', [acme, acmeWest, bolt, blank]],
    ['deleted=false', [acme, acmeWest, bolt, blank]],
    ['deleted=true', [gone]],
    ['deleted=all', [acme, acmeWest, bolt, gone, blank]],
    ['name=Acme', [acme]],
    ['name=acme', [acme]],
    ['name=acme*', [acme, acmeWest]],
    ['name=*WEST', [acmeWest]],
    ['name=*e*', [acme, acmeWest]],
    ['name=*me%25*', []],
    ['q=west', [acmeWest]],
    ['q=%20west%20%20ACME%20', [acmeWest]],
    ['q=code-1', [acme]],
    ['q=B%251', [bolt]],
    ['q=-00-', [acmeWest]],
    ['q=Example.com', [acmeWest]],
    ['q=%C3%A6r%C3%B8', [acmeWest]],
    ['q=ac', [acme, acmeWest]],
    ['q=a%20c', []],
    ['q=*', []],
    ['q=%5C', []],
    ['q=%25%25%25', []],
    ['q=acme&codeState=failed&stale=false&deleted=false', [acmeWest]],
    ['q=acme&codeState=failed&stale=true', []],
    ['q=gone&deleted=all', [gone]],
    ['fields.Industry=Energy', [acme]],
    ['fields%5BIndustry%5D=Energy', [acme]],
    ['fields.Industry=energy', []],
    ['fields.Industry=', [acmeWest, bolt, blank]],
    ['fields.BillingAddress.City=Oslo', [acme]],
    ['fields.BillingAddress.City=Oslo&fields.Industry=Energy&q=acme', [acme]],
    ['fields.BillingAddress.City=Oslo&fields.Industry=Media', []],
    ['name=Acme*', [acme, acmeWest]],
    ['name=*', [acme, acmeWest, bolt]],
    ['name=%25*', []],
    ['name=Ac_e*', []],
    ['accountNumber=A-1', [acme]],
    ['accountNumber=B%251', [bolt]],
    ['accountNumber=B*', []],
    ['signupCode=CODE-1', [acme]],
    ['stale=true', [bolt]],
    ['stale=false', [acme, acmeWest, blank]],
    ['codeState=failed', [acmeWest]],
    ['codeState=none', [bolt, blank]],
    ['updatedSince=2026-03-01T00:00:05Z', [acme, bolt]],
    ['updatedSince=2026-03-01T01:00:05.001%2B01:00', [bolt]],
    ['updatedSince=2026-03-01T00:00:05Z&deleted=all&sort=changedAt', [acme, bolt, gone]],
    ['name=Acme*&codeState=confirmed', [acme]],
  ])('the filter %j selects the expected accounts', async (query, expected) => {
    expect(await listed(query)).toEqual(expected);
  });

  test.each([
    ['id', [acme, acmeWest, bolt, blank]],
    ['-id', [blank, bolt, acmeWest, acme]],
    ['-name', [blank, bolt, acmeWest, acme]],
    ['modifiedAt', [bolt, acmeWest, acme, blank]],
    ['-modifiedAt', [blank, acme, acmeWest, bolt]],
    ['createdAt', [acme, acmeWest, bolt, blank]],
    ['-createdAt', [blank, bolt, acmeWest, acme]],
    ['name', [acme, acmeWest, bolt, blank]],
    ['syncedAt', [acme, acmeWest, blank, bolt]],
    ['-syncedAt', [bolt, blank, acmeWest, acme]],
    ['changedAt', [blank, acmeWest, acme, bolt]],
    ['-changedAt', [bolt, acme, acmeWest, blank]],
  ])('accounts are sorted by %s, whatever the page size', async (sort, expected) => {
    expect(await listed(`sort=${sort}`)).toEqual(expected);
    for (const limit of [1, 2, 3]) expect(await walk(`sort=${sort}&limit=${limit}`)).toEqual(expected);
  });

  test('the last page has no cursor and no link', async () => {
    const response = await server.send('get', '/v1/accounts?limit=4');
    expect(response.body.nextCursor).toBeNull();
    expect(response.headers['link']).toBeUndefined();
  });

  test('each page links to the next page, which is the one of the cursor', async () => {
    const first = await server.send('get', '/v1/accounts?limit=1&name=Acme*');
    const second = await server.send('get', nextPage(first) ?? '');
    expect(ids(second.body)).toEqual([acmeWest]);
    const { nextCursor } = first.body;
    expect(ids((await server.send('get', `/v1/accounts?name=Acme*&cursor=${nextCursor}`)).body)).toEqual([
      acmeWest,
    ]);
  });

  test('a cursor of other filters or of another order is refused', async () => {
    const { nextCursor } = (await server.send('get', '/v1/accounts?limit=1&name=Acme*')).body;
    for (const query of ['name=Acme', '', 'name=Acme*&sort=-id', 'name=Acme*&stale=false']) {
      const response = await server.send('get', `/v1/accounts?${query}&cursor=${nextCursor}`);
      expect(response.status, query).toBe(400);
      expect(response.body.errors).toEqual([
        { field: 'cursor', message: 'belongs to other parameters: keep them the same on every page' },
      ]);
    }
  });

  test('the page size may change between pages', async () => {
    const { nextCursor } = (await server.send('get', '/v1/accounts?limit=1')).body;
    const rest = await server.send('get', `/v1/accounts?limit=200&cursor=${nextCursor}`);
    expect(ids(rest.body)).toEqual([acmeWest, bolt, blank]);
  });

  test.each([
    ['limit=0', 'limit', 'must be at least 1'],
    ['limit=201', 'limit', 'must be at most 200'],
    ['limit=ten', 'limit', 'must be an integer, given only once'],
    ['limit=1&limit=2', 'limit', 'must be an integer, given only once'],
    ['cursor=nonsense', 'cursor', 'is not a cursor of this list'],
    ['cursor=%22', 'cursor', 'does not match the documented format'],
    ['sort=industry', 'sort', /^must be one of id, -id, name/],
    ['sort=id;drop table accounts', 'sort', /^must be one of/],
    ['deleted=yes', 'deleted', 'must be one of false, true, all'],
    ['stale=1', 'stale', 'must be a boolean, given only once'],
    ['codeState=lost', 'codeState', 'must be one of none, pending, written, confirmed, failed'],
    ['updatedSince=yesterday', 'updatedSince', /^must be a date and time/],
    ['updatedSince=2026-02-30T00:00:00Z', 'updatedSince', /^must be a date and time/],
    ['updatedSince=0000-01-01T00:00:00Z', 'updatedSince', /between the years 1 and 9999/],
    ['updatedSince=9999-12-31T23:59:59-23:59', 'updatedSince', /between the years 1 and 9999/],
    ['updatedSince=2026-06-30T23:59:60Z', 'updatedSince', /between the years 1 and 9999/],
    ['name=', 'name', 'must not be empty'],
    ['name=%00', 'name', 'does not match the documented format'],
    [`name=${'x'.repeat(256)}`, 'name', 'must not be longer than 255 characters'],
    ['Name=Acme', 'Name', 'is not a known parameter'],
    ['offset=10', 'offset', 'is not a known parameter'],
    ['q=%20', 'q', 'must contain a word'],
    ['q=a+b+c+d+e+f+g+h+i+j+k', 'q', 'must not have more than 10 words'],
    ['fields.Phone=1', 'fields.Phone', 'is not in the setting INDEXED_FIELDS'],
    ['fields.Fax=1', 'fields.Fax', 'is not a mirrored field'],
    ['fields[x]=1', 'fields.x', 'is not a mirrored field'],
    ["fields.Industry'=1", "fields.Industry'", 'is not a mirrored field'],
    ['fields.__proto__=1', 'fields.__proto__', 'is not a mirrored field'],
    ['fields.Industry=a&fields.Industry=b', 'fields.Industry', 'must be a string, given only once'],
    ['fields.Industry=a&fields[Industry]=b', 'fields.Industry', 'must be a string, given only once'],
    ['fields=Energy', 'fields', 'must be an object, given only once'],
    ['select=id,Industry', 'select', 'contains "Industry", which is not a member of an account'],
    ['select=fields.Fax', 'select', 'contains "fields.Fax", which is not a member of an account'],
    ['select=id,,name', 'select', 'contains "", which is not a member of an account'],
    ['select=constructor', 'select', 'contains "constructor", which is not a member of an account'],
    ['select=revision', 'select', 'contains "revision", which is not a member of an account'],
  ])('the account list refuses %s', async (query, field, message) => {
    const response = await server.send('get', `/v1/accounts?${query}`);
    expect(response.status).toBe(400);
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(response.body.errors).toEqual([{ field, message: expected }]);
  });
});

describe('the selection of fields', () => {
  test.each([
    ['name', { id: acme, name: 'Acme' }],
    ['id,fields.Industry', { id: acme, fields: { Industry: 'Energy' } }],
    [
      'fields.BillingAddress.City,fields.Phone',
      { id: acme, fields: { BillingAddress: { City: 'Oslo' }, Phone: null } },
    ],
    [
      'fields.BillingAddress,fields.BillingAddress.City',
      { id: acme, fields: { BillingAddress: { City: 'Oslo' } } },
    ],
    ['fields.BillingAddress.Country', { id: acme, fields: { BillingAddress: { Country: null } } }],
    ['fields.Phone.City', { id: acme, fields: { Phone: null } }],
    ['stale,codeState,deletedAt', { id: acme, stale: false, codeState: 'confirmed', deletedAt: null }],
  ])('the selection %s returns only these fields', async (select, expected) => {
    const response = await server.send('get', `/v1/accounts?limit=1&select=${select}`);
    expect(response.body.data).toEqual([expected]);
  });

  test('the selection `fields` returns what is shown without a selection', async () => {
    const [whole] = (await server.send('get', '/v1/accounts?limit=1')).body.data;
    const [selected] = (await server.send('get', '/v1/accounts?limit=1&select=fields,fields.Phone')).body
      .data;
    expect(selected).toEqual({ id: acme, fields: whole.fields });
  });
});

async function listed(query: string): Promise<string[]> {
  const response = await server.send('get', `/v1/accounts?${query}`);
  expect(response.status, response.text).toBe(200);
  return ids(response.body);
}

async function walk(query: string): Promise<string[]> {
  const seen: string[] = [];
  let path: string | undefined = `/v1/accounts?${query}`;
  while (path !== undefined) {
    const response = await server.send('get', path);
    expect(response.status, response.text).toBe(200);
    seen.push(...ids(response.body));
    path =
      response.body.nextCursor === null
        ? undefined
        : `/v1/accounts?${query}&cursor=${response.body.nextCursor}`;
  }
  return seen;
}

function ids(page: { data: { id: string }[] }): string[] {
  return page.data.map(({ id }) => id);
}
