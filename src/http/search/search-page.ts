import type pg from 'pg';
import { inTransaction } from '../../db/database.ts';
import { Prisma } from '../../db/generated/client.ts';
import {
  collectPage,
  type KeyColumns,
  type KeysetOrder,
  type KeysetPosition,
  ordering,
  type Page,
  ranges,
  readPage,
  upTo,
} from './keyset.ts';

/**
 * Reads a page of a list of which nobody knows how many rows fit, nor where in the order they lie. The planner takes it
 * that they lie evenly: where all names that have a word also begin with it, it would read a whole table in the order of
 * names to come to them. So it is told what to do: to read in order for a little, and on where that met some; then to
 * look up all that fit if they are few, to read in order for longer, and only then to look up all of them. Where it can be
 * guessed in which part of the order they lie, a page is read from there, and of all that fit only those up to its last row
 * are sorted.
 */
export async function searchPage<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  query: SearchQuery,
  steps: Steps = defaultSteps,
): Promise<Page<Row>> {
  if (query.filters.length === 0) return readPage<Row>(pool, wholeQuery(query));
  return inTransaction(pool, async (client) => {
    await client.query(advice);
    const usable = await withUsableLookUp(client, query);
    return collectPage<Row>(query, (range, wanted, at) =>
      readInSteps<Row>(client, usable, { range, at }, wanted, steps),
    );
  });
}

/** Asked each time: the index may be built meanwhile, and a replica has it later. */
async function withUsableLookUp(client: pg.PoolClient, query: SearchQuery): Promise<SearchQuery> {
  const { lookUp, ...others } = query;
  if (lookUp === undefined) return query;
  const { rows } = await client.query<{ valid: boolean }>({
    name: 'valid-index',
    text: 'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)',
    values: [lookUp.index],
  });
  return rows[0]?.valid === true ? query : others;
}

async function readInSteps<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  query: SearchQuery,
  part: Part,
  wanted: number,
  { shortWalk, few, longWalk }: Steps,
): Promise<Found<Row>[]> {
  const read = async ({ text, values }: Prisma.Sql): Promise<Found<Row>[]> =>
    (await client.query<Found<Row>>({ text, values })).rows;
  const { range } = part;
  const inOrder = await read(walk(query, range, wanted, shortWalk));
  if (inOrder.length === wanted) return inOrder;
  const worthScanningFurther = inOrder.length * longWalk >= 2 * wanted * shortWalk;
  if (worthScanningFurther) {
    const further = await read(walk(query, range, wanted, longWalk));
    if (further.length === wanted) return further;
  }
  const likely = query.lookUp?.likely;
  if (likely !== undefined) {
    const keysAlone = { ...query, columns: Prisma.raw(query.order.id.sql) };
    const first = await read(walk(keysAlone, Prisma.sql`${range} AND ${likely}`, wanted, shortWalk));
    if (first.length === wanted) return read(lookUpAll(query, part, wanted, first.at(-1)));
  }
  const estimate = await estimateMatches(client, query, range);
  // So many that they would have been met if they lay evenly: they lie elsewhere.
  const liesElsewhere = estimate > 4 * few && estimate <= maxToSort;
  if (!liesElsewhere) {
    const found = await read(lookUpFew(query, part, wanted, few));
    if ((found[0]?.matches ?? 0) <= few) return found;
    const further = worthScanningFurther ? [] : await read(walk(query, range, wanted, longWalk));
    if (further.length === wanted) return further;
  }
  return read(lookUpAll(query, part, wanted));
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
const maxToSort = 100_000;

/** How many rows each step looks at. */
export type Steps = { readonly shortWalk: number; readonly few: number; readonly longWalk: number };

// A row that is looked at in order costs about what one costs that is looked up, so no step costs much more than the one
// before it.
const defaultSteps: Steps = { shortWalk: 1_000, few: 5_000, longWalk: 10_000 };

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

/** The first ones in order among some rows that fit, with `matches`: those of all rows, if they are no more than `most`. */
function lookUpFew(query: SearchQuery, part: Part, wanted: number, most: number): Prisma.Sql {
  const { table, order, where } = placeOf(query, part);
  return Prisma.sql`WITH found AS MATERIALIZED (
      SELECT ${keys(order)} FROM ${table} WHERE ${where} LIMIT ${most + 1}
    ), first AS MATERIALIZED (
      SELECT * FROM found ORDER BY ${keyOrdering(order)} LIMIT ${wanted}
    )
    SELECT (SELECT count(*) FROM found)::int AS matches, ${rowsOfFirst(query)}`;
}

/** The first ones in order among all rows that fit. @param last one that none of those lies beyond, if it is known */
function lookUpAll(query: SearchQuery, part: Part, wanted: number, last?: KeyColumns): Prisma.Sql {
  const { table, order, where } = placeOf(query, part);
  const within = last === undefined ? where : Prisma.sql`${where} AND ${upTo(order, last)}`;
  // The offset keeps the planner from reading in order after all.
  return Prisma.sql`WITH found AS (
      SELECT ${keys(order)} FROM ${table} WHERE ${within} OFFSET 0
    ), first AS MATERIALIZED (
      SELECT * FROM found ORDER BY ${keyOrdering(order)} LIMIT ${wanted}
    )
    SELECT ${rowsOfFirst(query)}`;
}

function rowsOfFirst({ order, columns, table }: SearchQuery): Prisma.Sql {
  const id = Prisma.raw(order.id.sql);
  return Prisma.sql`${keys(order)}, ${columns}
      FROM ${table} WHERE ${id} IN (SELECT "keyId" FROM first) ORDER BY ${ordering(order)}`;
}

/** Where the rows of a part of the order are looked up, and by what. */
function placeOf(query: SearchQuery, { range, at }: Part) {
  const { table, order, bounds, lookUp, after } = query;
  if (lookUp === undefined) {
    return { table, order, where: Prisma.join([range, ...bounds, fits(query)], ' AND ') };
  }
  const [within = range] = ranges(lookUp.order, after).slice(at);
  return { ...lookUp, where: Prisma.join([within, ...lookUp.where], ' AND ') };
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
  /** Where rows are looked up, if not in the table itself. */
  readonly lookUp?: LookUp;
  readonly order: KeysetOrder;
  readonly after: KeysetPosition | null;
  readonly limit: number;
};

/** A table that has the same rows under the same ids in less room, with all the conditions of a search and its order. */
export type LookUp = {
  readonly table: Prisma.Sql;
  /** The table is whole once it has this index. */
  readonly index: string;
  readonly where: readonly Prisma.Sql[];
  readonly order: KeysetOrder;
  /** A range of the order, in columns of the searched table, in which most of what fits may lie. */
  readonly likely?: Prisma.Sql;
};

/** A range of the order, and which one it is. */
type Part = { readonly range: Prisma.Sql; readonly at: number };

type Found<Row> = Row & KeyColumns & { readonly matches?: number };
