import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAccountRows } from '../../src/apply/account-row.ts';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { columnTypes } from '../../src/mirror/column-value.ts';
import { loadMirror } from '../../src/mirror/load-mirror.ts';
import { ensureColumns } from '../../src/mirror/prepare-mirror.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import type { SchemaField } from '../../src/salesforce/writer-schema.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();

/** A field per type of column. */
const schema: readonly SchemaField[] = [
  { name: 'ChangeEventHeader', parts: [], kind: 'plain' },
  field('text__c', 'text'),
  field('boolean__c', 'boolean'),
  field('integer__c', 'integer'),
  field('bigint__c', 'long'),
  field('numeric__c', 'number'),
  field('date__c', 'long', 'date'),
  field('time__c', 'long', 'time'),
  field('timestamptz__c', 'long', 'datetime'),
];

function field(
  name: string,
  scalar: 'text' | 'boolean' | 'integer' | 'long' | 'number',
  kind: SchemaField['kind'] = 'plain',
): SchemaField {
  return { name, parts: [], kind, scalars: new Map([['', scalar]]) };
}

const date = fc
  .date({ min: new Date('-271821-04-20T00:00:00.000Z'), max: new Date(8.64e15), noInvalidDate: true })
  .map((at) => at.toISOString());

/** Values of every type, also such as no column of their type can hold. */
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
  date,
  date.map((text) => text.split('T', 1)[0] ?? ''),
  date.map((text) => text.split('T')[1] ?? ''),
  fc.constantFrom(
    'NaN',
    'Infinity',
    '24:00:00.000Z',
    '2026-02-30',
    '0000-01-01',
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
    '2026-11-23T08:00:00Z',
    '2026-11-23T08:00:00.000+0000',
    '007',
    '9007199254740993',
    '-9223372036854775808',
    '9223372036854775808',
    '',
    5e-324,
    1.7976931348623157e308,
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
    0.1,
  ),
);

const values = fc.record(Object.fromEntries(columnTypes.map((type) => [`${type}__c`, scalar])), {
  requiredKeys: [],
});

describe('values in typed columns', () => {
  it('every value of every type reads back exactly, whatever the type of its column', async () => {
    await ensureColumns(database.pool, schema, true);
    const table = await loadMirror(database.pool);
    expect(
      table.columns.filter(({ path }) => path.endsWith('__c')).map(({ path, type }) => [path, type]),
    ).toEqual(expect.arrayContaining(columnTypes.map((type) => [`${type}__c`, type])));
    let commits = 1n;
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 4 }), async (states) => {
        const id = `001${String(commits).padStart(12, '0')}AAA`;
        const expected = new Map<string, Scalar>();
        for (const [index, state] of states.entries()) {
          const change: AccountChange = {
            accountId: id,
            eligible: false,
            gap: false,
            change: {
              kind: index === 0 ? 'snapshot' : 'patch',
              version: [1_000, commits++, 1, 0],
              values: new Map(Object.entries(state) as [string, Scalar][]),
            },
          };
          await inTransaction(database.pool, (client) =>
            applyChanges(client, [change], codeRules({ field: 'SignUpCode__c' })),
          );
          for (const [path, value] of Object.entries(state)) expected.set(path, value as Scalar);
          const row = (await readAccountRows(database.pool, table, [id])).get(id);
          const kept = [...expected].filter(([, value]) => value !== null);
          expect(Object.fromEntries(row?.merged.values ?? [])).toEqual(
            Object.fromEntries([...kept, ['IsDeleted', false]]),
          );
          const [viewed] = await database.rows<{ fields: object }>(
            'select fields from accounts where id = $1',
            [id],
          );
          expect(viewed?.fields).toEqual(Object.fromEntries([...kept, ['IsDeleted', false]]));
        }
      }),
      { numRuns: 150 },
    );
  });
});
