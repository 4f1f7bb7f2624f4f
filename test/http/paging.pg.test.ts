import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';
import { accountId, insertAccount } from './rows.ts';
import { startServer, type TestServer } from './start-server.ts';

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

const sorts = ['id', 'name', 'modifiedAt', 'createdAt', 'changedAt', 'syncedAt'].flatMap((sort) => [
  sort,
  `-${sort}`,
]);

describe('pagination while accounts change', () => {
  test('every account that exists during the whole pagination is seen exactly once', async () => {
    await fc.assert(fc.asyncProperty(scenario, walkWhileRowsComeAndGo), { numRuns: 40 });
  });
});

/** Few names and times, so that most rows share theirs with others or have none. */
const row = fc.record({
  name: fc.constantFrom(null, 'Acme', 'acme', 'Älg', 'Zeta'),
  day: fc.constantFrom(null, 1, 2),
});
const change = fc.record({
  remove: fc.boolean(),
  pick: fc.nat({ max: 59 }),
  row,
});
const scenario = fc.record({
  sort: fc.constantFrom(...sorts),
  limit: fc.integer({ min: 1, max: 7 }),
  rows: fc.array(row, { minLength: 1, maxLength: 20 }),
  changes: fc.array(change, { maxLength: 20 }),
});

async function walkWhileRowsComeAndGo(scene: Scenario): Promise<void> {
  await server.database.pool.query(removeAccounts);
  const living = new Set<string>();
  for (const [index, values] of scene.rows.entries()) {
    await insert(accountId(index * 3), values);
    living.add(accountId(index * 3));
  }
  const lasting = new Set(living);
  const changes = [...scene.changes];
  const seen: string[] = [];
  for await (const page of pages(`sort=${scene.sort}&limit=${scene.limit}`)) {
    seen.push(...page);
    const next = changes.shift();
    if (next !== undefined) await apply(next, living, lasting);
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect([...lasting].filter((id) => !seen.includes(id))).toEqual([]);
}

async function apply({ remove, pick, row: values }: Change, living: Set<string>, lasting: Set<string>) {
  const id = accountId(pick);
  if (living.has(id) && remove) {
    await server.database.pool.query('DELETE FROM accounts WHERE id = $1', [id]);
    living.delete(id);
    lasting.delete(id);
  } else if (!living.has(id) && !remove) {
    await insert(id, values);
    living.add(id);
  }
}

async function insert(id: string, { name, day }: Row): Promise<void> {
  const time = day === null ? null : new Date(Date.UTC(2026, 0, day, 0, 0, 0, 123));
  await insertAccount(server.database.prisma, id, {
    name,
    createdAt: time,
    modifiedAt: time,
    ...(time === null ? {} : { changedAt: time }),
  });
}

async function* pages(query: string): AsyncGenerator<string[]> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const response = await server.send('get', `/v1/accounts?${query}${after}`);
    expect(response.status, response.text).toBe(200);
    yield response.body.data.map(({ id }: { id: string }) => id);
    cursor = response.body.nextCursor;
  }
}

type Row = { readonly name: string | null; readonly day: number | null };
type Change = { readonly remove: boolean; readonly pick: number; readonly row: Row };
type Scenario = {
  readonly sort: string;
  readonly limit: number;
  readonly rows: readonly Row[];
  readonly changes: readonly Change[];
};
