import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maintainIndexes } from '../../src/db/maintain-indexes.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { silent } from '../helpers/silent-logger.ts';
import { startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;
const sent: { text: string; values: unknown[] }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  record(server);
  await server.database.pool.query(
    `insert into accounts (id, fields, name, account_number, signup_code, created_at, modified_at, base_version,
                           field_versions, version, synced_at, changed_at, deleted, stale_version, code_state)
     select '001al' || lpad(i::text, 13, '0'),
            jsonb_build_object('Industry', 'Industry ' || i % 40, 'BillingAddress', jsonb_build_object('City', 'City ' || i % 50)),
            case when i % 20 = 3 then 'Zeta ' else '' end || md5(i::text), 'A-' || i, 'CODE' || i, now() - i * interval '1 hour', now() - i * interval '1 hour', 'v1',
            '{}', 'v1', now() - i * interval '1 hour', now() - i * interval '1 hour', i % 100 = 0,
            case when i % 100 = 1 then 'v2' end, case i % 50 when 1 then 'failed' when 2 then 'pending' else 'confirmed' end
       from generate_series(1, 4000) i`,
  );
  const fields = ['Industry', 'BillingAddress.City'];
  await maintainIndexes({ databaseUrl: database.url, fields, logger: silent }, new AbortController().signal);
  await server.database.pool.query('vacuum analyze accounts, account_texts');
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('indexes of the account order', () => {
  test.each([
    ['', 'accounts_pkey'],
    ['sort=-id', 'accounts_pkey'],
    ['sort=name', 'accounts_name_folded'],
    ['sort=-name', 'accounts_name_folded'],
    ['sort=createdAt', 'accounts_created_at_id'],
    ['sort=-createdAt', 'accounts_created_at_id'],
    ['sort=modifiedAt', 'accounts_modified_at_id'],
    ['sort=-modifiedAt', 'accounts_modified_at_id'],
    ['sort=changedAt', 'accounts_changed_at_id'],
    ['sort=-changedAt', 'accounts_changed_at_id'],
    ['sort=syncedAt', 'accounts_synced_at_id'],
    ['sort=-syncedAt', 'accounts_synced_at_id'],
    ['sort=name&name=ab*', 'accounts_name_folded'],
    ['sort=-name&q=ab', 'accounts_name_folded'],
    ['sort=changedAt&updatedSince=2026-01-01T00:00:00Z&deleted=all', 'accounts_changed_at_id'],
    ['sort=name&fields.Industry=Industry%207', /^accounts_field_Industry_/],
    ['sort=-name&fields.Industry=Industry%207&name=a*', /^accounts_field_Industry_/],
  ])('the account list with %j reads one index in order and sorts no row', async (query, index) => {
    for (const cursor of [false, true]) {
      const plans = await plansOf(`limit=2&${query}`, cursor);
      // A column that is never null is not even looked at for nulls.
      const reading = plans.filter((plan) =>
        nodesOf(plan).some((node) => node['Node Type'].includes('Scan')),
      );
      expect(reading.length).toBeGreaterThan(0);
      for (const plan of reading) {
        const expected = typeof index === 'string' ? index : expect.stringMatching(index);
        expect(indexesOf(plan), query).toEqual([expected]);
        expect(nodesOf(plan).filter((node) => node['Node Type'] === 'Sort')).toEqual([]);
      }
    }
  });
});

describe('indexes of the account filters', () => {
  test.each([
    ['q=abcdef', 'accounts_search'],
    ['q=abc%201f', 'accounts_search'],
    ['name=*abc*', 'accounts_search'],
    ['q=ab', 'accounts_name_folded'],
    ['name=abc*', 'accounts_name_folded'],
    ['name=c4ca4238a0b923820dcc509a6f75849b', 'accounts_name_folded'],
    ['accountNumber=A-77', 'accounts_account_number'],
    ['signupCode=CODE77', 'accounts_signup_code_key'],
    ['deleted=true', 'accounts_deleted'],
    ['stale=true', 'accounts_stale'],
    ['codeState=failed', 'accounts_code_state'],
    ['codeState=none&deleted=all', 'accounts_code_state'],
    ['updatedSince=2999-01-01T00:00:00Z', 'accounts_changed_at_id'],
    ['fields.Industry=Industry%207', /^accounts_field_Industry_/],
    ['fields.BillingAddress.City=City%207', /^accounts_field_BillingAddress.City_/],
    ['fields.Industry=', /^accounts_field_Industry_/],
  ])('the account filter %s uses its index', async (query, index) => {
    for (const sort of ['modifiedAt', '-createdAt']) {
      const plans = await plansOf(`limit=200&${query}&sort=${sort}`);
      const lookUps = plans.flatMap(nodesOf).filter((node) => node['Subplan Name'] === 'CTE found');
      // Accounts without a time of their own are looked for apart, and found not to be there by the index of times.
      expect(lookUps.flatMap(indexesOf), sort).toContainEqual(
        typeof index === 'string' ? index : expect.stringMatching(index),
      );
      expect(plans.flatMap(nodesOf).filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
    }
  });
});

describe('the narrow table of searchable texts', () => {
  test.each(['q=abcdef', 'q=zeta&sort=name', 'q=zeta&sort=-name&name=*eta*', 'name=*abcdef&sort=name'])(
    'the search %s uses the narrow table',
    async (query) => {
      const nodes = (await plansOf(`limit=5&${query}`)).flatMap(nodesOf);
      expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
      const lookUps = nodes.filter((node) => node['Subplan Name']?.startsWith('CTE'));
      expect(new Set(lookUps.flatMap(indexesOf))).toEqual(new Set(['account_texts_search']));
    },
  );
});

test.each([
  'q=zeta&name=Zeta%20ab*',
  'q=zeta&deleted=true',
  'q=abcdef&sort=-createdAt',
  'q=abcdef&codeState=failed',
])(
  'a search with a closer index, another order or another filter does not use the narrow table: %s',
  async (query) => {
    await plansOf(`limit=50&${query}`);
    expect(sent.map(({ text }) => text).filter((text) => text.includes('account_texts'))).toEqual([]);
  },
);

/** Notes every statement on its way to the database. */
function record({ database: { pool } }: TestServer): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...all: unknown[]) => unknown;
    Reflect.set(client, 'query', (...all: [{ text?: string; values?: unknown[] }]) => {
      const [{ text, values }] = all;
      if (text !== undefined && values !== undefined) sent.push({ text, values });
      return query(...all);
    });
  });
}

/** The plans of the statements that a request for accounts sends, or of those for its second page. */
async function plansOf(query: string, second = false): Promise<Node[]> {
  const path = `/v1/accounts?${query}`;
  const [cursor] = second ? [(await server.send('get', path)).body.nextCursor as string] : [''];
  sent.length = 0;
  const response = await server.send('get', `${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
  expect(response.status, response.text).toBe(200);
  const statements = sent.filter(({ text }) => /^(?!EXPLAIN).*FROM accounts/s.test(text));
  expect(statements.length).toBeGreaterThan(0);
  const client = await server.database.pool.connect();
  await client.query('begin; set local enable_seqscan = off');
  const plans: Node[] = [];
  for (const { text, values } of statements) {
    const { rows } = await client.query({ text: `explain (format json) ${text}`, values });
    plans.push(rows[0]['QUERY PLAN'][0].Plan);
  }
  await client.query('rollback');
  client.release();
  return plans;
}

function nodesOf(plan: Node): Node[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function indexesOf(plan: Node): string[] {
  return [...new Set(nodesOf(plan).flatMap((node) => node['Index Name'] ?? []))];
}

type Node = {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Subplan Name'?: string;
  readonly Plans?: readonly Node[];
};
