import { beforeAll, describe, expect, it } from 'vitest';
import { readAccountRows } from '../../src/apply/account-row.ts';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { loadMirror } from '../../src/mirror/load-mirror.ts';
import { ensureColumns } from '../../src/mirror/prepare-mirror.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import type { ScalarType, SchemaField } from '../../src/salesforce/writer-schema.ts';
import { eventually } from '../helpers/eventually.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();
const id = '001000000000001AAA';
let commits = 1n;

const schema = (fields: Record<string, ScalarType>): SchemaField[] =>
  Object.entries(fields).map(([name, scalar]) => ({
    name,
    parts: [],
    kind: 'plain',
    scalars: new Map([['', scalar]]),
  }));
const base = { Name: 'text', AccountNumber: 'text' } as const;

const write = async (values: Record<string, Scalar>): Promise<void> => {
  const change = {
    kind: 'patch' as const,
    version: [1_000, commits++, 1, 0] as const,
    values: new Map(Object.entries(values)),
  };
  await inTransaction(database.pool, (client) =>
    applyChanges(
      client,
      [{ accountId: id, change, eligible: false, gap: false }],
      codeRules({ field: 'SignUpCode__c' }),
    ),
  );
};
const read = async (): Promise<Record<string, Scalar>> => {
  const rows = await readAccountRows(database.pool, await loadMirror(database.pool), [id]);
  return Object.fromEntries(rows.get(id)?.merged.values ?? []);
};
const stored = async (columns: string): Promise<unknown> =>
  (await database.rows(`select ${columns} from salesforce.account where id = $1`, [id]))[0];

beforeAll(() => write({ Name: 'Acme', Tier__c: 'gold' }));

describe('columns that follow the schema', () => {
  it('a field without a column is kept in additional_fields and moves to its new column when it is next written', async () => {
    expect(await stored('additional_fields')).toEqual({ additional_fields: { Tier__c: 'gold' } });
    await ensureColumns(database.pool, schema({ ...base, Tier__c: 'text' }), true);
    expect(await read()).toMatchObject({ Tier__c: 'gold' });
    await write({ AccountNumber: 'A-1' });
    expect(await stored('tier__c, additional_fields')).toEqual({ tier__c: 'gold', additional_fields: null });
  });

  it('a field with another type keeps its old values until they are written again', async () => {
    await ensureColumns(database.pool, schema({ ...base, Tier__c: 'number' }), true);
    expect(await read()).toMatchObject({ Tier__c: 'gold' });
    await write({ Tier__c: 7 });
    expect(await stored('tier__c, tier__c_2')).toEqual({ tier__c: null, tier__c_2: '7' });
    await write({ Tier__c: null });
    expect(await read()).not.toHaveProperty('Tier__c');
    const [viewed] = await database.rows('select fields from accounts where id = $1', [id]);
    expect(viewed).toEqual({ fields: { Name: 'Acme', AccountNumber: 'A-1', IsDeleted: false } });
  });

  it("a removed field keeps its column and its values, and users' views on the table survive", async () => {
    await database.rows('create view names as select id, name from salesforce.account_live');
    await ensureColumns(database.pool, schema({ ...base, Site__c: 'text' }), true);
    await write({ Site__c: 'North' });
    await ensureColumns(database.pool, schema(base), true);
    expect(await read()).toMatchObject({ Site__c: 'North' });
    expect(await database.rows(`select path, state from mirror_columns where path = 'Site__c'`)).toEqual([
      { path: 'Site__c', state: 'removed' },
    ]);
    expect(await database.rows('select site__c from salesforce.account_live')).toEqual([
      { site__c: 'North' },
    ]);
    expect(await database.rows('select * from names')).toEqual([{ id, name: 'Acme' }]);
  });

  it('a change that would wait for a reader gives up, leaves everything as it was and succeeds later', async () => {
    const reader = await database.pool.connect();
    await reader.query('begin; select from salesforce.account');
    const next = schema({ ...base, Late__c: 'text' });
    await expect(ensureColumns(database.pool, next, true)).rejects.toMatchObject({ code: '55P03' });
    await write({ Late__c: 'kept' });
    expect(await read()).toMatchObject({ Late__c: 'kept' });
    await reader.query('rollback');
    reader.release();
    await ensureColumns(database.pool, next, true);
    await write({ Late__c: 'typed' });
    expect(await stored('late__c')).toEqual({ late__c: 'typed' });
  });

  it.for(['accounts', 'salesforce.account_live', 'salesforce.account_history'])(
    'a change of columns and new readers of %s do not wait for each other',
    async (view) => {
      const waiting = async (count: number): Promise<void> =>
        eventually(`${count} sessions wait for a lock`, async () => {
          const [row] = await database.rows(
            `select count(*)::int as count from pg_locks where not granted
                and database = (select oid from pg_database where datname = current_database())`,
          );
          return row?.['count'] === count;
        }).then(() => {});
      const change = async (name: string): Promise<readonly string[]> => {
        const first = await database.pool.connect();
        await first.query(`begin; select from ${view} limit 1`);
        const changed = ensureColumns(database.pool, schema({ ...base, [name]: 'text' }), true);
        await waiting(1);
        const second = database.pool.query(`select from ${view} limit 1`);
        await Promise.race([waiting(2), changed.catch(() => {})]);
        await first.query('commit');
        first.release();
        return (await Promise.allSettled([changed, second])).map(({ status }) => status);
      };
      // On a busy machine, the change may give up before the second reader comes.
      const results: (readonly string[])[] = [];
      while (results.length < 5 && results.at(-1)?.includes('rejected') !== false)
        results.push(await change(`${view.replace('.', '_')}_${results.length}__c`));
      expect(results.at(-1)).toEqual(['fulfilled', 'fulfilled']);
    },
  );
});
