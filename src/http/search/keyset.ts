// Hot statements: hand-written.
import type pg from 'pg';
import { Prisma } from '../../db/generated/client.ts';
import { statementName } from '../../db/statement-name.ts';
import { defaultLimit } from '../schemas/parameters.ts';
import { isLogId, isStorableTime } from '../schemas/parse-parameters.ts';

/**
 * Reads one page by keyset pagination: rows that are inserted or deleted between pages do not shift the next page.
 * A nullable column is read in two ranges, each of which is a plain index range. Nulls are the greatest values, as in
 * PostgreSQL.
 */
export async function readPage<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  query: PageQuery,
): Promise<Page<Row>> {
  return collectPage<Row>(query, async (range, limit) => {
    const statement = namedStatement(pageStatement(query, range, limit), query, limit);
    return (await pool.query<Row & KeyColumns>(statement)).rows;
  });
}

/**
 * Makes the statement of a page a prepared one. Only for the default number of rows, and if the position is the only
 * parameter: the number of names is limited, and a plan for other values may be a bad one.
 */
export function namedStatement(
  { text, values }: Prisma.Sql,
  { order, after }: Pick<PageQuery, 'order' | 'after'>,
  limit: number,
): pg.QueryConfig {
  const ofPosition = after === null ? 0 : order.by === undefined || after.by === null ? 1 : 2;
  const isPrepared = limit === defaultLimit + 1 && values.length <= ofPosition;
  return { text, values, ...(isPrepared && { name: statementName(text) }) };
}

/** The limit as a literal: with a parameter, PostgreSQL plans each execution. */
export function rowLimit(limit: number): Prisma.Sql {
  return Prisma.raw(String(Math.trunc(limit)));
}

/** Collects a page from the ranges of its order until it is full. */
export async function collectPage<Row>(
  query: Pick<PageQuery, 'order' | 'after' | 'limit'>,
  readRange: (range: Prisma.Sql, limit: number, index: number) => Promise<readonly (Row & KeyColumns)[]>,
): Promise<Page<Row>> {
  const rows: (Row & KeyColumns)[] = [];
  for (const [index, range] of ranges(query.order, query.after).entries()) {
    const remaining = query.limit + 1 - rows.length;
    if (remaining <= 0) break;
    rows.push(...(await readRange(range, remaining, index)));
  }
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const next = rows.length > query.limit && last !== undefined ? positionOf(last) : null;
  return { rows: page, next };
}

/** The ranges after a position, in the order in which they are read. */
export function ranges(order: KeysetOrder, after: KeysetPosition | null): Prisma.Sql[] {
  const beyond = Prisma.raw(order.descending ? '<' : '>');
  const id = Prisma.raw(order.id.sql);
  const afterId = (value: string) => Prisma.sql`${id} ${beyond} ${bind(value, order.id)}`;
  if (order.by === undefined) return [after === null ? Prisma.sql`true` : afterId(after.id)];

  const by = Prisma.raw(order.by.sql);
  const { isNullable = false, isJoined = false } = order.by;
  const valued = Prisma.sql`${by} IS NOT NULL`;
  if (after === null && !isNullable) return [isJoined ? valued : Prisma.sql`true`];
  const nulls = Prisma.sql`${by} IS NULL`;
  if (after === null) return order.descending ? [nulls, valued] : [valued, nulls];
  if (after.by === null) {
    const rest = Prisma.sql`${by} IS NULL AND ${afterId(after.id)}`;
    return order.descending ? [rest, valued] : [rest];
  }
  const beyondBoth = Prisma.sql`(${by}, ${id}) ${beyond} (${bind(after.by, order.by)}, ${bind(after.id, order.id)})`;
  const rest = isJoined ? Prisma.sql`${valued} AND ${beyondBoth}` : beyondBoth;
  return order.descending || !isNullable ? [rest] : [rest, nulls];
}

/** The rows up to and including a row, within its range of the order. */
export function upTo(order: KeysetOrder, row: KeyColumns): Prisma.Sql {
  const [beyond] = ranges(order, positionOf(row));
  return Prisma.sql`NOT (${beyond})`;
}

/** Whether the values of a position have the types of the columns: PostgreSQL would fail on others. */
export function isPosition(order: KeysetOrder, position: KeysetPosition): boolean {
  if (!isValue(order.id.type, position.id)) return false;
  if (position.by === null) return order.by === undefined || order.by.isNullable === true;
  return order.by !== undefined && isValue(order.by.type, position.by);
}

function pageStatement({ select, where, order }: PageQuery, range: Prisma.Sql, limit: number): Prisma.Sql {
  const by = Prisma.raw(order.by?.sql ?? 'NULL');
  const id = Prisma.raw(order.id.sql);
  return Prisma.sql`SELECT ${by} AS "keyBy", ${id}::text AS "keyId", ${select}
    WHERE ${Prisma.join([...where, range], ' AND ')} ORDER BY ${ordering(order)} LIMIT ${rowLimit(limit)}`;
}

/** Selects all rows in the order of the pages. */
export function fullListStatement({ select, where, order }: Omit<PageQuery, 'after' | 'limit'>): Prisma.Sql {
  const conditions = where.length === 0 ? Prisma.sql`true` : Prisma.join([...where], ' AND ');
  return Prisma.sql`SELECT ${select} WHERE ${conditions} ORDER BY ${ordering(order)}`;
}

export function ordering(order: KeysetOrder): Prisma.Sql {
  const id = Prisma.raw(order.id.sql);
  const direction = Prisma.raw(order.descending ? 'DESC' : 'ASC');
  if (order.by === undefined) return Prisma.sql`${id} ${direction}`;
  return Prisma.sql`${Prisma.raw(order.by.sql)} ${direction}, ${id} ${direction}`;
}

function isValue(type: KeysetColumn['type'], value: string): boolean {
  switch (type) {
    case 'text':
      return !value.includes('\0');
    case 'bigint':
      return isLogId(value);
    case 'version':
      return isVersion(value);
    case 'uuid':
      return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
    case 'timestamptz':
      return isStorableTime(new Date(value));
  }
}

/** Whether PostgreSQL can store the four numbers of a version. */
function isVersion(value: string): boolean {
  const [time = '', commit = '', sequence = '', readAt = '', ...more] = value.split('.');
  const isWithin = (part: string, max: bigint): boolean => /^\d{1,19}$/.test(part) && BigInt(part) <= max;
  const times = [time, readAt].every((part) => isWithin(part, BigInt(Number.MAX_SAFE_INTEGER)));
  return more.length === 0 && times && isWithin(commit, 2n ** 63n - 1n) && isWithin(sequence, 2n ** 31n - 1n);
}

function bind(value: string, column: KeysetColumn): Prisma.Sql {
  return Prisma.sql`${value}::${Prisma.raw(column.type)}`;
}

function positionOf({ keyBy, keyId }: KeyColumns): KeysetPosition {
  return { by: keyBy instanceof Date ? keyBy.toISOString() : keyBy, id: keyId };
}

/** `sql` and `type` must not contain input of a request: they are not escaped. */
export type KeysetColumn = {
  readonly sql: string;
  readonly type: 'text' | 'timestamptz' | 'bigint' | 'uuid' | 'version';
  /** Whether rows without a value are listed; false by default. */
  readonly isNullable?: boolean;
  /** Whether an outer join adds the column: a condition on it lets PostgreSQL read in its order. */
  readonly isJoined?: true;
};

/** Rows are ordered by `by`, if present, then by the unique `id`, both in the same direction. */
export type KeysetOrder = {
  readonly by?: KeysetColumn | undefined;
  readonly id: KeysetColumn;
  readonly descending: boolean;
};

/** The last row of a page: its sort value (times as RFC 3339) and its id. */
export type KeysetPosition = { readonly by: string | null; readonly id: string };

export type PageQuery = {
  /** Columns, FROM and joins. */
  readonly select: Prisma.Sql;
  readonly where: readonly Prisma.Sql[];
  readonly order: KeysetOrder;
  readonly after: KeysetPosition | null;
  readonly limit: number;
};

export type Page<Row> = { readonly rows: Row[]; readonly next: KeysetPosition | null };

export type KeyColumns = { readonly keyBy: string | Date | null; readonly keyId: string };
