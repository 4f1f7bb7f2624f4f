import type pg from 'pg';
import { inTransaction } from '../db/database.ts';
import { Prisma } from '../db/generated/client.ts';
import {
  collectPage,
  type KeyColumns,
  type KeysetOrder,
  type KeysetPosition,
  ordering,
  type Page,
  readPage,
} from './keyset.ts';

/**
 * Reads a page of a list of which nobody knows how many rows fit, nor where in the order they lie. The planner takes it
 * that they lie evenly: where all names that have a word also begin with it, it would read a whole table in the order of
 * names to come to them. So it is told what to do: to read in order for a little, and on where that met some; then to
 * look up all that fit if they are few, to read in order for longer, and only then to look up all of them.
 */
export async function searchPage<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  query: SearchQuery,
  steps: Steps = usualSteps,
): Promise<Page<Row>> {
  if (query.filters.length === 0) return readPage<Row>(pool, wholeQuery(query));
  return inTransaction(pool, async (client) => {
    await client.query(advice);
    return collectPage<Row>(query, (range, wanted) => readInSteps<Row>(client, query, range, wanted, steps));
  });
}

async function readInSteps<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  query: SearchQuery,
  range: Prisma.Sql,
  wanted: number,
  { shortWalk, few, longWalk }: Steps,
): Promise<Found<Row>[]> {
  const read = async ({ text, values }: Prisma.Sql): Promise<Found<Row>[]> =>
    (await client.query<Found<Row>>({ text, values })).rows;
  const inOrder = await read(walk(query, range, wanted, shortWalk));
  if (inOrder.length === wanted) return inOrder;
  const isPromising = inOrder.length * longWalk >= 2 * wanted * shortWalk;
  if (isPromising) {
    const further = await read(walk(query, range, wanted, longWalk));
    if (further.length === wanted) return further;
  }
  const estimate = await estimateMatches(client, query, range);
  // So many that they would have been met if they lay evenly: they lie elsewhere.
  const liesElsewhere = estimate > 4 * few && estimate <= mostToSort;
  if (!liesElsewhere) {
    const found = await read(lookUp(query, range, wanted, few));
    if ((found[0]?.matches ?? 0) <= few) return found;
    const further = isPromising ? [] : await read(walk(query, range, wanted, longWalk));
    if (further.length === wanted) return further;
  }
  return read(lookUp(query, range, wanted, null));
}

/** How many rows the planner thinks there are; exact in nothing, but at no cost. */
async function estimateMatches(
  client: pg.PoolClient,
  query: SearchQuery,
  range: Prisma.Sql,
): Promise<number> {
  const where = Prisma.join([range, ...query.bounds, fits(query)], ' AND ');
  const { text, values } = Prisma.sql`EXPLAIN (FORMAT JSON) SELECT FROM ${query.table} WHERE ${where}`;
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>({
    text,
    values,
  });
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

/** The same list as one query without any advice. */
export function wholeQuery<Q extends Omit<SearchQuery, 'after' | 'limit'>>(query: Q) {
  const { columns, table, common, bounds, filters } = query;
  return {
    ...query,
    select: Prisma.sql`${columns} FROM ${table}`,
    where: [...common, ...bounds, ...filters],
  };
}

// Looking up more at once costs more than walking a long way for nothing.
const mostToSort = 100_000;

/** How many rows each step looks at. */
export type Steps = { readonly shortWalk: number; readonly few: number; readonly longWalk: number };

// A row that is looked at in order costs about what one costs that is looked up, so no step costs much more than the one
// before it.
const usualSteps: Steps = { shortWalk: 1_000, few: 5_000, longWalk: 10_000 };

// One moment for all that is read. What has an index is found by it: a scan that hopes to meet a match soon may not.
const advice = `set transaction isolation level repeatable read, read only;
  set local enable_seqscan = off; set local jit = off`;

/** The first rows that fit, among the next ones in order. */
function walk(query: SearchQuery, range: Prisma.Sql, wanted: number, most: number): Prisma.Sql {
  const { order, columns, table, bounds } = query;
  const where = Prisma.join([range, ...bounds], ' AND ');
  return Prisma.sql`SELECT * FROM (
      SELECT ${keys(order)}, (${fits(query)}) AS fits, ${columns}
        FROM ${table} WHERE ${where} ORDER BY ${ordering(order)} LIMIT ${most}
    ) walked WHERE fits ORDER BY ${keyOrdering(order)} LIMIT ${wanted}`;
}

/** The first ones in order among all rows that fit, or among some of them if they are more than `most`. */
function lookUp(query: SearchQuery, range: Prisma.Sql, wanted: number, most: number | null): Prisma.Sql {
  const { order, columns, table, bounds } = query;
  const where = Prisma.join([range, ...bounds, fits(query)], ' AND ');
  const id = Prisma.raw(order.id.sql);
  return Prisma.sql`WITH found AS MATERIALIZED (
      SELECT ${keys(order)} FROM ${table} WHERE ${where} LIMIT ${most === null ? null : most + 1}
    ), first AS MATERIALIZED (
      SELECT * FROM found ORDER BY ${keyOrdering(order)} LIMIT ${wanted}
    )
    SELECT ${keys(order)}, (SELECT count(*) FROM found)::int AS matches, ${columns}
      FROM ${table} WHERE ${id} IN (SELECT "keyId" FROM first) ORDER BY ${ordering(order)}`;
}

function keys({ by, id }: KeysetOrder): Prisma.Sql {
  return Prisma.raw(`${by?.sql ?? 'NULL::text'} AS "keyBy", ${id.sql} AS "keyId"`);
}

function fits({ common, filters }: SearchQuery): Prisma.Sql {
  return Prisma.join([...common, ...filters], ' AND ');
}

function keyOrdering({ by, descending }: KeysetOrder): Prisma.Sql {
  const direction = descending ? 'DESC' : 'ASC';
  return Prisma.raw(by === undefined ? `"keyId" ${direction}` : `"keyBy" ${direction}, "keyId" ${direction}`);
}

export type SearchQuery = {
  /** Of the table, whose id is a text. */
  readonly columns: Prisma.Sql;
  readonly table: Prisma.Sql;
  /** What most rows meet. */
  readonly common: readonly Prisma.Sql[];
  /** Ranges of the order itself. */
  readonly bounds: readonly Prisma.Sql[];
  /** What any number of rows may meet. */
  readonly filters: readonly Prisma.Sql[];
  readonly order: KeysetOrder;
  readonly after: KeysetPosition | null;
  readonly limit: number;
};

type Found<Row> = Row & KeyColumns & { readonly matches?: number };
