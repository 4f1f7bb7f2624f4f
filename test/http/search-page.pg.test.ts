import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Prisma } from '../../src/db/generated/client.ts';
import type { KeysetPosition } from '../../src/http/search/keyset.ts';
import { type CandidateTable, type SearchQuery, searchPage } from '../../src/http/search/search-page.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();

const row = fc.record({
  by: fc.option(fc.integer({ min: 0, max: 5 })),
  fits: fc.nat(2).map((n) => n > 0),
  common: fc.nat(4).map((n) => n > 0),
});
const scenario = fc.record({
  rows: fc.array(row, { maxLength: 40, size: 'max' }),
  descending: fc.boolean(),
  least: fc.option(fc.integer({ min: 0, max: 5 })),
  limit: fc.integer({ min: 1, max: 6 }),
  narrow: fc.constantFrom(null, 'found_rows_pkey', 'an_index_that_is_not_there'),
  probableRange: fc.option(fc.integer({ min: 0, max: 5 })),
  steps: fc.record({
    shortScan: fc.integer({ min: 1, max: 5 }),
    maxFew: fc.integer({ min: 1, max: 5 }),
    longScan: fc.integer({ min: 1, max: 10 }),
  }),
});

// The first row fits, so reading on is worth trying, and then none does for longer than that is tried.
const metSome = {
  rows: Array.from({ length: 20 }, (_, n) => ({ by: 0, fits: n === 0 || n > 15, common: true })),
  descending: false,
  least: null,
  limit: 1,
  narrow: null,
  probableRange: null,
  steps: { shortScan: 1, maxFew: 5, longScan: 10 },
};

// Most of what fits lies in the probable range and nothing before it: the last row of the page ends the search.
const metWhereLikely = {
  rows: Array.from({ length: 9 }, (_, n) => ({ by: n < 4 ? 0 : 3, fits: n > 4, common: true })),
  descending: false,
  least: null,
  limit: 1,
  narrow: 'found_rows_pkey' as const,
  probableRange: 3,
  steps: { shortScan: 3, maxFew: 1, longScan: 1 },
};

test('a search finds exactly what matches, in order, whichever of its steps finds it', async () => {
  await database.pool.query(
    `create table found_rows (id text primary key, by text, fits boolean, common boolean);
     create view narrow_rows as select id as row_id, by as row_by, fits as row_fits, common as row_common from found_rows`,
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ({ rows, least, limit, descending, narrow, probableRange, steps }) => {
      await database.pool.query('truncate found_rows');
      await database.pool.query(
        `insert into found_rows select lpad(i::text, 3, '0'), r->>'by', (r->>'fits')::boolean, (r->>'common')::boolean
           from jsonb_array_elements($1::jsonb) with ordinality as t (r, i)`,
        [JSON.stringify(rows)],
      );
      // So that the planner tells of few and of many.
      await database.pool.query('analyze found_rows');
      const query = {
        columns: Prisma.sql`id`,
        table: Prisma.sql`found_rows`,
        common: [Prisma.sql`common`],
        bounds: least === null ? [] : [Prisma.sql`by >= ${String(least)}`],
        filters: [Prisma.sql`fits`],
        order: {
          by: { sql: 'by', type: 'text', isNullable: true },
          id: { sql: 'id', type: 'text' },
          descending,
        },
        limit,
        ...(narrow !== null && { candidates: inNarrowRows(narrow, least, descending, probableRange) }),
      } as const;
      const direction = descending ? 'desc' : 'asc';
      const expected = await database.rows<{ id: string }>(
        `select id from found_rows where fits and common and ($1::text is null or by >= $1)
          order by by ${direction}, id ${direction}`,
        [least === null ? null : String(least)],
      );
      expect(await walkThrough(query, steps)).toEqual(expected.map(({ id }) => id));
    }),
    { numRuns: 120, examples: [[metSome], [metWhereLikely]] },
  );
});

/** The same conditions and the same order, of another table. */
function inNarrowRows(
  index: string,
  least: number | null,
  descending: boolean,
  probableRange: number | null,
): CandidateTable {
  const bounds = least === null ? [] : [Prisma.sql`row_by >= ${String(least)}`];
  return {
    table: Prisma.sql`narrow_rows`,
    index,
    where: [Prisma.sql`row_common`, Prisma.sql`row_fits`, ...bounds],
    order: {
      by: { sql: 'row_by', type: 'text', isNullable: true },
      id: { sql: 'row_id', type: 'text' },
      descending,
    },
    ...(probableRange !== null && { probableRange: Prisma.sql`by = ${String(probableRange)}` }),
  };
}

async function walkThrough(
  query: Omit<SearchQuery, 'after'>,
  steps: Parameters<typeof searchPage>[2],
): Promise<string[]> {
  const ids: string[] = [];
  let after: KeysetPosition | null = null;
  do {
    const page: Awaited<ReturnType<typeof searchPage<{ id: string }>>> = await searchPage<{ id: string }>(
      database.pool,
      { ...query, after },
      steps,
    );
    expect(page.rows.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.rows.map(({ id }) => id));
    after = page.next;
  } while (after !== null);
  return ids;
}
