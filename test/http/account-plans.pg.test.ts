import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maintainIndexes } from '../../src/mirror/maintain-indexes.ts';
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
            case when i % 100 = 1 then 'v2' end, case i % 50 when 1 then 'failed' when 2 then 'pending' when 3 then 'none' else 'confirmed' end
       from generate_series(1, 4000) i`,
  );
  const fields = ['Industry', 'BillingAddress.City'];
  const options = { pool: server.database.pool, databaseUrl: database.url, fields, logger: silent };
  await maintainIndexes(options, new AbortController().signal);
  await server.database.pool.query('vacuum analyze salesforce.account, records, signup_codes, account_texts');
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('indexes of the account order', () => {
  test.each([
    ['', 'account_pkey'],
    ['sort=-id', 'account_pkey'],
    ['sort=name', 'account_name_folded'],
    ['sort=-name', 'account_name_folded'],
    ['sort=createdAt', 'account_created'],
    ['sort=-createdAt', 'account_created'],
    ['sort=modifiedAt', 'account_modified'],
    ['sort=-modifiedAt', 'account_modified'],
    ['sort=changedAt', 'records_changed_at'],
    ['sort=-changedAt', 'records_changed_at'],
    ['sort=syncedAt', 'records_synced_at'],
    ['sort=-syncedAt', 'records_synced_at'],
    ['sort=name&name=ab*', 'account_name_folded'],
    ['sort=-name&q=ab', 'account_name_folded'],
    ['sort=changedAt&updatedSince=2026-01-01T00:00:00Z&deleted=all', 'records_changed_at'],
    ['sort=name&fields.Industry=Industry%207', /^account_field_Industry_/],
    ['sort=-name&fields.Industry=Industry%207&name=a*', /^account_field_Industry_/],
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
        // Records and codes are looked up for the accounts of the page.
        const ordered = indexesOf(plan).filter((name) => name === index || !primaryKeys.has(name));
        expect(ordered, query).toEqual([expected]);
        expect(nodesOf(plan).filter((node) => node['Node Type'] === 'Sort')).toEqual([]);
      }
    }
  });
});

describe('indexes of the account filters', () => {
  test.each([
    ['q=abcdef', 'account_texts_search'],
    ['q=abc%201f', 'account_texts_search'],
    ['name=*abc*', 'account_texts_search'],
    ['q=ab', 'account_name_folded'],
    ['name=abc*', 'account_name_folded'],
    ['name=c4ca4238a0b923820dcc509a6f75849b', 'account_name_folded'],
    ['accountNumber=A-77', 'account_number'],
    ['signupCode=CODE77', 'signup_codes_code_key'],
    ['deleted=true', 'account_deleted'],
    ['stale=true', 'records_stale'],
    ['codeState=failed', 'signup_codes_state'],
    ['codeState=none', 'signup_codes_state'],
    ['updatedSince=2999-01-01T00:00:00Z', 'records_changed_at'],
    ['fields.Industry=Industry%207', /^account_field_Industry_/],
    ['fields.BillingAddress.City=City%207', /^account_field_BillingAddress.City_/],
    ['fields.Industry=', /^account_field_Industry_/],
  ])('the account filter %s uses its index', async (query, index) => {
    for (const sort of ['modifiedAt', '-createdAt']) {
      const plans = await plansOf(`limit=200&${query}&sort=${sort}`);
      const lookUps = plans
        .flatMap(nodesOf)
        .filter((node) => /^CTE f(?:ound|irst)$/.test(node['Subplan Name'] ?? ''));
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
      const lookUps = nodes.filter((node) => /^CTE f(?:ound|irst)$/.test(node['Subplan Name'] ?? ''));
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

const primaryKeys: ReadonlySet<string> = new Set([
  'account_pkey',
  'records_pkey',
  'signup_codes_pkey',
  'mirror_objects_pkey',
]);

type Node = {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Subplan Name'?: string;
  readonly Plans?: readonly Node[];
};
