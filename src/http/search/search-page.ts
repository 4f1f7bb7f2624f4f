// Hot statements: hand-written.
import type pg from 'pg';
import { inTransaction } from '../../db/database.ts';
import { Prisma } from '../../db/generated/client.ts';
import {
  collectPage,
  type KeyColumns,
  type KeysetOrder,
  type KeysetPosition,
  namedStatement,
  ordering,
  type Page,
  ranges,
  rowLimit,
  upTo,
} from './keyset.ts';

/**
 * Reads a page of a filtered list. The planner assumes that matches are evenly distributed in the sort order. If they
 * are not (all names that contain a word also begin with it), it would scan the whole table in order. So this function
 * chooses the plan, in steps:
 * 1. A short ordered scan; if it finds enough matches to be promising, a long one.
 * 2. If a probable range of the order is known, a scan of it; then only matches up to its last row are sorted.
 * 3. If few rows match, collect and sort them all.
 * 4. A long ordered scan.
 * 5. Collect and sort all matches.
 */
export async function searchPage<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  query: SearchQuery,
  steps: SearchSteps = defaultSteps,
): Promise<Page<Row>> {
  if (query.filters.length === 0) {
    return collectPage<Row>(query, async (range, limit) => {
      const statement = namedStatement(pageOfKeys(query, range, limit), query, limit);
      return (await pool.query<Match<Row>>(statement)).rows;
    });
  }
  return inTransaction(pool, async (client) => {
    await client.query(plannerSettings);
    const usable = await withUsableCandidates(client, query);
    return collectPage<Row>(query, (range, limit, index) =>
      readInSteps<Row>(client, usable, { range, index }, limit, steps),
    );
  });
}

/** Checked on every request: the index may be built at any time, and later on a replica. */
async function withUsableCandidates(client: pg.PoolClient, query: SearchQuery): Promise<SearchQuery> {
  const { candidates, ...others } = query;
  if (candidates === undefined) return query;
  const { rows } = await client.query<{ valid: boolean }>({
    name: 'valid-index',
    text: 'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)',
    values: [candidates.index],
  });
  return rows[0]?.valid === true ? query : others;
}

async function readInSteps<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  query: SearchQuery,
  part: OrderPart,
  limit: number,
  { shortScan, maxFew, longScan }: SearchSteps,
): Promise<Match<Row>[]> {
  const read = async ({ text, values }: Prisma.Sql): Promise<Match<Row>[]> =>
    (await client.query<Match<Row>>({ text, values })).rows;
  const { range } = part;
  const first = await read(orderedScan(query, range, limit, shortScan));
  if (first.length === limit) return first;
  const worthScanningFurther = first.length * longScan >= 2 * limit * shortScan;
  if (worthScanningFurther) {
    const further = await read(orderedScan(query, range, limit, longScan));
    if (further.length === limit) return further;
  }
  const probableRange = query.candidates?.probableRange;
  if (probableRange !== undefined) {
    const keysOnly = { ...query, columns: Prisma.raw(query.order.id.sql) };
    const probable = Prisma.sql`${range} AND ${probableRange}`;
    const keys = await read(orderedScan(keysOnly, probable, limit, shortScan));
    if (keys.length === limit) return read(collectAllMatches(query, part, limit, keys.at(-1)));
  }
  const estimate = await estimateMatches(client, query, range);
  // With this many evenly distributed matches, a scan would have found them: they are elsewhere in the order.
  const isElsewhere = estimate > 4 * maxFew && estimate <= maxToSort;
  if (!isElsewhere) {
    const found = await read(collectFewMatches(query, part, limit, maxFew));
    if ((found[0]?.matches ?? 0) <= maxFew) return found;
    const further = worthScanningFurther ? [] : await read(orderedScan(query, range, limit, longScan));
    if (further.length === limit) return further;
  }
  return read(collectAllMatches(query, part, limit));
}

/** The estimate of the planner. */
async function estimateMatches(
  client: pg.PoolClient,
  query: SearchQuery,
  range: Prisma.Sql,
): Promise<number> {
  const where = Prisma.join([range, ...query.bounds, matchCondition(query)], ' AND ');
  const { text, values } = Prisma.sql`EXPLAIN (FORMAT JSON) SELECT FROM ${query.table} WHERE ${where}`;
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>({
    text,
    values,
  });
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

/** Converts the list to one query, planned by PostgreSQL. */
export function toPlainQuery<Q extends Omit<SearchQuery, 'after' | 'limit'>>(query: Q) {
  const { columns, table, common, bounds, filters } = query;
  return {
    ...query,
    select: Prisma.sql`${columns} FROM ${table}`,
    where: [...common, ...bounds, ...filters],
  };
}

// Collecting more rows costs more than a long scan without a result.
const maxToSort = 100_000;

/** The maximum number of rows that each step reads. */
export type SearchSteps = { readonly shortScan: number; readonly maxFew: number; readonly longScan: number };

// A scanned row costs about as much as a collected row, so each step costs little more than the previous one.
const defaultSteps: SearchSteps = { shortScan: 1_000, maxFew: 5_000, longScan: 10_000 };

// All steps read one snapshot. Sequential scans are off: the planner chooses them if it expects an early match.
const plannerSettings = `set transaction isolation level repeatable read, read only;
  set local enable_seqscan = off; set local jit = off`;

/** Selects the first rows of a range of an order without filters. */
function pageOfKeys(query: SearchQuery, range: Prisma.Sql, limit: number): Prisma.Sql {
  const { order, table, common, bounds } = query;
  const where = Prisma.join([...common, ...bounds, range], ' AND ');
  return Prisma.sql`WITH first AS NOT MATERIALIZED (
      SELECT ${keys(order)} FROM ${table} WHERE ${where} ORDER BY ${ordering(order)} LIMIT ${rowLimit(limit)}
    )
    SELECT ${rowsOfFirst(query)}`;
}

/** Selects the matches among the next `maxScanned` rows of the order. */
function orderedScan(query: SearchQuery, range: Prisma.Sql, limit: number, maxScanned: number): Prisma.Sql {
  const { order, table, bounds } = query;
  const where = Prisma.join([range, ...bounds], ' AND ');
  return Prisma.sql`WITH scanned AS MATERIALIZED (
      SELECT ${keys(order)}, (${matchCondition(query)}) AS fits
        FROM ${table} WHERE ${where} ORDER BY ${ordering(order)} LIMIT ${maxScanned}
    ), first AS MATERIALIZED (
      SELECT * FROM scanned WHERE fits ORDER BY ${keyOrdering(order)} LIMIT ${limit}
    )
    SELECT ${rowsOfFirst(query)}`;
}

/** Selects the first of up to `maxMatches` matches. `matches` is their number, greater than `maxMatches` if there are more. */
function collectFewMatches(
  query: SearchQuery,
  part: OrderPart,
  limit: number,
  maxMatches: number,
): Prisma.Sql {
  const { table, order, where } = candidateSource(query, part);
  return Prisma.sql`WITH found AS MATERIALIZED (
      SELECT ${keys(order)} FROM ${table} WHERE ${where} LIMIT ${maxMatches + 1}
    ), first AS MATERIALIZED (
      SELECT * FROM found ORDER BY ${keyOrdering(order)} LIMIT ${limit}
    )
    SELECT (SELECT count(*) FROM found)::int AS matches, ${rowsOfFirst(query)}`;
}

/** Selects the first of all matches. @param last a row that none of the first matches is after, if known */
function collectAllMatches(
  query: SearchQuery,
  part: OrderPart,
  limit: number,
  last?: KeyColumns,
): Prisma.Sql {
  const { table, order, where } = candidateSource(query, part);
  const bounded = last === undefined ? where : Prisma.sql`${where} AND ${upTo(order, last)}`;
  // OFFSET 0 prevents the planner from reading in order.
  return Prisma.sql`WITH found AS (
      SELECT ${keys(order)} FROM ${table} WHERE ${bounded} OFFSET 0
    ), first AS MATERIALIZED (
      SELECT * FROM found ORDER BY ${keyOrdering(order)} LIMIT ${limit}
    )
    SELECT ${rowsOfFirst(query)}`;
}

/** LATERAL: index lookups per row, whatever the statistics of the tables. */
function rowsOfFirst({ order, columns, table }: SearchQuery): Prisma.Sql {
  const id = Prisma.raw(order.id.sql);
  return Prisma.sql`"keyBy", "keyId", whole.*
      FROM first CROSS JOIN LATERAL (SELECT ${columns} FROM ${table} WHERE ${id} = first."keyId" LIMIT 1) whole
     ORDER BY ${keyOrdering(order)}`;
}

/** The table, order and condition that select the matches of a part of the order. */
function candidateSource(query: SearchQuery, { range, index }: OrderPart) {
  const { table, order, bounds, candidates, after } = query;
  if (candidates === undefined) {
    return { table, order, where: Prisma.join([range, ...bounds, matchCondition(query)], ' AND ') };
  }
  const candidateRange = ranges(candidates.order, after)[index] ?? range;
  return { ...candidates, where: Prisma.join([candidateRange, ...candidates.where], ' AND ') };
}

function keys({ by, id }: KeysetOrder): Prisma.Sql {
  return Prisma.raw(`${by?.sql ?? 'NULL::text'} AS "keyBy", ${id.sql} AS "keyId"`);
}

function matchCondition({ common, filters }: SearchQuery): Prisma.Sql {
  return Prisma.join([...common, ...filters], ' AND ');
}

function keyOrdering({ by, descending }: KeysetOrder): Prisma.Sql {
  const direction = descending ? 'DESC' : 'ASC';
  return Prisma.raw(by === undefined ? `"keyId" ${direction}` : `"keyBy" ${direction}, "keyId" ${direction}`);
}

export type SearchQuery = {
  /** Columns of the table; its id is a text. */
  readonly columns: Prisma.Sql;
  readonly table: Prisma.Sql;
  /** Conditions that most rows meet. */
  readonly common: readonly Prisma.Sql[];
  /** Conditions that are ranges of the order. */
  readonly bounds: readonly Prisma.Sql[];
  /** Conditions of unknown selectivity. */
  readonly filters: readonly Prisma.Sql[];
  readonly candidates?: CandidateTable;
  readonly order: KeysetOrder;
  readonly after: KeysetPosition | null;
  readonly limit: number;
};

/** A narrower table with the same ids and with the columns of all conditions and of the order of a search. */
export type CandidateTable = {
  readonly table: Prisma.Sql;
  /** The table is complete if it has this index. */
  readonly index: string;
  readonly where: readonly Prisma.Sql[];
  readonly order: KeysetOrder;
  /** A range of the order, in columns of the main table, that may contain most matches. */
  readonly probableRange?: Prisma.Sql;
};

/** One of the ranges of the order. */
type OrderPart = { readonly range: Prisma.Sql; readonly index: number };

type Match<Row> = Row & KeyColumns & { readonly matches?: number };
