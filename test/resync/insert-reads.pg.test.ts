import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCodeFilter } from '../../src/codes/code-filter.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { lockAccountWrites } from '../../src/db/advisory-locks.ts';
import { inTransaction } from '../../src/db/database.ts';
import { loadMirror } from '../../src/mirror/load-mirror.ts';
import { ensureColumns } from '../../src/mirror/prepare-mirror.ts';
import { applyReads } from '../../src/resync/apply-reads.ts';
import { insertNewReads } from '../../src/resync/insert-reads.ts';
import type { Snapshot } from '../../src/resync/snapshot.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { AccountRead, type ReadPlan } from '../../src/salesforce/records.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { currentReadPlan, currentSchema } from '../helpers/simulator-org.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';

const newSince = new Date('2026-06-01T00:00:00.000Z');
const generatedPrefix = 'GENERATED';

describe('records of a load', () => {
  const mirror = useMirrorOfSimulator({ accounts: 0, simulator: { personAccounts: true } });

  const startRead = async (readAt: number): Promise<Snapshot> => {
    const plan = await currentReadPlan(mirror.simulator, mirror.org);
    const { id: schemaId, entityFields } = currentSchema(mirror.simulator);
    await mirror.context.schemas.get(schemaId);
    await ensureColumns(mirror.database.pool, entityFields.slice(1), true);
    return {
      plan,
      clearedFields: [],
      keptFields: new Set(['Site']),
      schemaId,
      watermark: [Date.parse('2026-03-01T00:00:00Z'), 7n, 1, 0],
      readAt,
    };
  };

  const toRead = ({ number, deleted, day, values }: GeneratedRead, plan: ReadPlan): AccountRead => {
    const row = {
      id: `00100000000000${number}AAA`,
      deleted,
      systemModstamp: new Date(Date.UTC(2026, day, 1)).toISOString(),
    };
    const scalars = plan.paths.map((path) => values[path] ?? null);
    return new AccountRead(row, scalars, plan);
  };

  /** All rows that a load writes, without times and random codes. */
  const tables = async () => {
    const values = await mirror.database.rows('select * from salesforce.account order by id');
    const records = await mirror.database.rows(
      'select to_jsonb(r) - array[$1, $2] as record from records r order by record_id',
      ['synced_at', 'changed_at'],
    );
    const codes = await mirror.database.rows(
      `select to_jsonb(c) - array['code', 'assigned_at', 'due_at', 'error'] as code_row, c.error - 'at' as error,
              case when starts_with(c.code, $1) then 'generated' else c.code end as code, c.due_at = 'epoch' as first
         from signup_codes c order by account_id`,
      [generatedPrefix],
    );
    const queue = await mirror.database.rows('select account_id from account_text_queue order by account_id');
    return { values, records, codes, queue };
  };

  it('inserted accounts equal merged ones in all tables, for any values, codes, rules and repeated reads', async () => {
    let generated = 0;
    const load = async (pages: readonly GeneratedRead[][], rules: GeneratedRules, merged: boolean) => {
      await mirror.database.rows(removeAccounts);
      const { filter, ...rest } = rules;
      const codes = {
        ...codeRules({
          field: 'SignUpCode__c',
          ...rest,
          filter: filter === null ? null : parseCodeFilter(filter),
        }),
        generate: () => `${generatedPrefix}${++generated}`,
      };
      const counts = [];
      for (const [index, page] of pages.entries()) {
        const snapshot = await startRead(Date.parse('2026-12-01T00:00:00Z') + index);
        const reads = page.map((read) => toRead(read, snapshot.plan));
        counts.push(
          await inTransaction(mirror.database.pool, (client) =>
            applyReads({ ...mirror.context, codes }, client, snapshot, {
              reads,
              absent: [],
              ...(merged && { known: new Map() }),
            }),
          ),
        );
      }
      return { counts, tables: await tables() };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(anyPage, { minLength: 1, maxLength: 3 }), anyRules, async (pages, rules) => {
        expect(await load(pages, rules, false)).toEqual(await load(pages, rules, true));
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 60) },
    );
  });

  it('accounts that the mirror does not have are inserted without reading their values', async () => {
    const snapshot = await startRead(Date.now());
    const reads = [1, 2, 3].map((number) =>
      toRead({ number, deleted: false, day: 1, values: { Name: `New ${number}` } }, snapshot.plan),
    );
    const insert = (some: readonly AccountRead[]) =>
      inTransaction(mirror.database.pool, async (client) => {
        await lockAccountWrites(client);
        const table = await loadMirror(client);
        return insertNewReads(client, table, mirror.context.codes, snapshot, some);
      });
    expect([...(await insert(reads.slice(1))).ids]).toEqual(reads.slice(1).map(({ id }) => id));
    expect([...(await insert(reads)).ids]).toEqual([reads[0]?.id]);
    expect(await mirror.account(reads[0]?.id ?? '')).toMatchObject({ name: 'New 1', revision: 1n });
  });
});

type GeneratedRead = {
  readonly number: number;
  readonly deleted: boolean;
  readonly day: number;
  readonly values: Readonly<Record<string, Scalar | undefined>>;
};

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('', 'null', '"\\u0000"', 'cut \ud83d', 'nul \0', '\\ud83d', 'Zürich 日本 😀', ' a\nb\t'),
);
const anyScalar = fc.oneof(text, fc.boolean(), fc.double(), fc.integer(), fc.constantFrom(0.1, 1e21, -0));
const time = fc.constantFrom(
  '2026-05-31T23:59:59.000Z',
  '2026-06-01T00:00:00.000Z',
  '2026-11-23T08:00:00.500Z',
  '2026-02-30T00:00:00.000Z',
  '+010000-01-01T00:00:00.000Z',
  'not a time',
);
const anyValues = fc.record(
  {
    Name: text,
    'Name.FirstName': fc.constantFrom(null, 'Ada'),
    'Name.LastName': fc.constantFrom(null, 'Lovelace'),
    SignUpCode__c: fc.constantFrom(null, '', 'CODE1', 'CODE2', 'CODE3'),
    Industry: fc.constantFrom('Energy', 'Banking'),
    CreatedDate: time,
    LastModifiedDate: time,
    'BillingAddress.City': text,
    'BillingAddress.Latitude': fc.double({ noNaN: true }),
    AnnualRevenue: anyScalar,
    NumberOfEmployees: anyScalar,
    Phone: anyScalar,
    Site: text,
    MasterRecordId: fc.constantFrom(null, '001000000000001AAA'),
  },
  { requiredKeys: [] },
);
/** Values of the types of their columns, in records of companies. */
const usualValues = fc.record(
  {
    Name: fc.oneof(text, fc.constantFrom('a "quoted" name', 'back\\slash', 'NULL', '{a,b}')),
    SignUpCode__c: fc.constantFrom(null, 'CODE1', 'CODE2', 'CODE3'),
    Industry: fc.constantFrom('Energy', 'Banking'),
    CreatedDate: fc.constantFrom('2026-05-31T23:59:59.000Z', '2026-11-23T08:00:00.500Z'),
    'BillingAddress.City': text,
    AnnualRevenue: fc.double({ noNaN: true, noDefaultInfinity: true }),
    NumberOfEmployees: fc.integer(),
    Phone: text,
  },
  { requiredKeys: [] },
);
const anyRead = fc.record({
  number: fc.nat(7),
  deleted: fc.boolean(),
  day: fc.nat(11),
  values: fc.oneof(usualValues, anyValues),
});
const anyPage = fc.array(anyRead, { minLength: 1, maxLength: 6 });
const anyRules = fc.record({
  backfill: fc.boolean(),
  newSince: fc.constantFrom(null, newSince),
  filter: fc.constantFrom(null, "Industry = 'Energy'", 'MasterRecordId = null AND Phone != null'),
});
type GeneratedRules = { backfill: boolean; newSince: Date | null; filter: string | null };
