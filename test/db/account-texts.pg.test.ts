import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { maintainIndexes } from '../../src/db/maintain-indexes.ts';
import { differingTexts } from '../helpers/differing-texts.ts';
import { silent } from '../helpers/silent-logger.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();

afterEach(() => database.pool.query('truncate accounts'));

const columns =
  'id, name, account_number, deleted, fields, base_version, field_versions, version, synced_at, changed_at';
const row = fc.record({
  id: fc.nat(5).map((n) => `001al000000000${n}AAA`),
  name: fc.constantFrom(null, '', 'Acme', 'ÄRGER', 'İstanbul', 'ΣΑΣ'),
  number: fc.constantFrom(null, 'A-1', 'Acme'),
  deleted: fc.boolean(),
  phone: fc.constantFrom(null, '+49 1'),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;

const statement = fc.oneof(
  fc.record({
    kind: fc.constant('upsert' as const),
    rows: fc.uniqueArray(row, { selector: ({ id }) => id }),
  }),
  fc.record({ kind: fc.constant('name' as const), row }),
  fc.record({ kind: fc.constant('deleted' as const), row }),
  fc.record({ kind: fc.constant('other' as const), row }),
  fc.record({ kind: fc.constant('delete' as const), row }),
  fc.record({ kind: fc.constant('truncate' as const) }),
);

describe('the table of searchable texts', () => {
  it('searchable texts match the accounts after every kind of change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { maxLength: 12 }), async (statements) => {
        await database.pool.query('truncate accounts');
        for (const each of statements) {
          await execute(each);
          expect(await database.rows(differingTexts)).toEqual([]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('an update of other fields does not write the searchable text', async () => {
    await upsert([{ id: '001al0000000001AAA', name: 'Acme', number: null, deleted: false, phone: null }]);
    const written = (): Promise<unknown[]> => database.rows('select ctid, xmin from account_texts');
    const before = await written();
    await database.rows(
      `update accounts set version = 'v2', fields = fields || '{"Site": "North"}', modified_at = now()`,
    );
    expect(await written()).toEqual(before);
    await database.rows(`update accounts set name = 'Acme Ltd'`);
    expect(await written()).not.toEqual(before);
  });

  it('the table of texts is filled in batches before it gets its index and is not searched until then', async () => {
    await database.pool.query('drop index account_texts_search; alter table accounts disable trigger user');
    await upsert([
      { id: '001al0000000001AAA', name: 'ÄRGER', number: 'A-1', deleted: true, phone: '+49 1' },
      { id: '001al0000000002AAA', name: null, number: null, deleted: false, phone: null },
      { id: '001al0000000003AAA', name: 'Acme', number: null, deleted: false, phone: null },
    ]);
    await database.pool.query('alter table accounts enable trigger user');
    expect(await database.rows(differingTexts)).toHaveLength(3);
    expect(await indexes()).toEqual([]);
    await database.rows(`update accounts set name = 'Bolt' where id = '001al0000000002AAA'`);
    await database.rows(`delete from accounts where id = '001al0000000003AAA'`);

    await maintainIndexes(
      { databaseUrl: database.url, fields: [], logger: silent },
      new AbortController().signal,
    );
    expect(await database.rows(differingTexts)).toEqual([]);
    expect(await indexes()).toEqual(['account_texts_search']);
  });
});

async function execute(each: typeof statement extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  switch (each.kind) {
    case 'upsert':
      return upsert(each.rows);
    case 'name':
      await database.rows('update accounts set name = $2 where id <= $1', [each.row.id, each.row.name]);
      return;
    case 'deleted':
      await database.rows('update accounts set deleted = not deleted where id <= $1', [each.row.id]);
      return;
    case 'other':
      await database.rows(
        `update accounts set fields = jsonb_build_object('Phone', $2::text) where id <= $1`,
        [each.row.id, each.row.phone],
      );
      return;
    case 'delete':
      await database.rows('delete from accounts where id >= $1', [each.row.id]);
      return;
    case 'truncate':
      await database.rows('truncate accounts');
  }
}

async function upsert(rows: readonly Row[]): Promise<void> {
  await database.rows(
    `insert into accounts (${columns})
     select r->>'id', r->>'name', r->>'number', (r->>'deleted')::boolean, jsonb_build_object('Phone', r->>'phone'),
            'v1', '{}', 'v1', now(), now()
       from jsonb_array_elements($1::jsonb) r
         on conflict (id) do update set name = excluded.name, account_number = excluded.account_number,
            deleted = excluded.deleted, fields = excluded.fields`,
    [JSON.stringify(rows)],
  );
}

async function indexes(): Promise<string[]> {
  const rows = await database.rows<{ name: string }>(
    `select indexname as name from pg_indexes where indexname = 'account_texts_search'`,
  );
  return rows.map(({ name }) => name);
}
