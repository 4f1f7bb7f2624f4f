import type pg from 'pg';
import { Prisma } from '../../db/generated/client.ts';
import { isLogId } from '../schemas/log-id.ts';
import { isStorableTime } from '../schemas/parse-time.ts';

/**
 * Reads one page in a fixed order, starting after a row instead of at an offset: rows that come and go meanwhile
 * shift nothing. A nullable column is read in two runs, so that each is a plain range of an index;
 * nulls are the greatest values, as in PostgreSQL.
 */
export async function readPage<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  query: PageQuery,
): Promise<Page<Row>> {
  return collectPage<Row>(query, async (range, wanted) => {
    const { text, values } = pageStatement(query, range, wanted);
    return (await pool.query<Row & KeyColumns>({ text, values })).rows;
  });
}

/** Collects a page from the ranges of its order, each read in order as far as it is wanted. */
export async function collectPage<Row>(
  query: Pick<PageQuery, 'order' | 'after' | 'limit'>,
  readRange: (range: Prisma.Sql, wanted: number, at: number) => Promise<readonly (Row & KeyColumns)[]>,
): Promise<Page<Row>> {
  const rows: (Row & KeyColumns)[] = [];
  for (const [at, range] of ranges(query.order, query.after).entries()) {
    const wanted = query.limit + 1 - rows.length;
    if (wanted <= 0) break;
    rows.push(...(await readRange(range, wanted, at)));
  }
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const next = rows.length > query.limit && last !== undefined ? positionOf(last) : null;
  return { rows: page, next };
}

/** The ranges of the order that lie after a position, in the order they are to be read. */
export function ranges(order: KeysetOrder, after: KeysetPosition | null): Prisma.Sql[] {
  const beyond = Prisma.raw(order.descending ? '<' : '>');
  const id = Prisma.raw(order.id.sql);
  const afterId = (value: string) => Prisma.sql`${id} ${beyond} ${bind(value, order.id)}`;
  if (order.by === undefined) return [after === null ? Prisma.sql`true` : afterId(after.id)];

  const by = Prisma.raw(order.by.sql);
  const valued = Prisma.sql`${by} IS NOT NULL`;
  const nulls = Prisma.sql`${by} IS NULL`;
  if (after === null) return order.descending ? [nulls, valued] : [valued, nulls];
  if (after.by === null) {
    const rest = Prisma.sql`${by} IS NULL AND ${afterId(after.id)}`;
    return order.descending ? [rest, valued] : [rest];
  }
  const rest = Prisma.sql`(${by}, ${id}) ${beyond} (${bind(after.by, order.by)}, ${bind(after.id, order.id)})`;
  return order.descending ? [rest] : [rest, nulls];
}

/** What does not lie beyond a row, in the range of the order that has the row. */
export function upTo(order: KeysetOrder, row: KeyColumns): Prisma.Sql {
  const [beyond] = ranges(order, positionOf(row));
  return Prisma.sql`NOT (${beyond})`;
}

/** Whether a position can be compared with the columns of the order; a forged one would make PostgreSQL fail. */
export function isPosition(order: KeysetOrder, position: KeysetPosition): boolean {
  if (!isValue(order.id.type, position.id)) return false;
  if (position.by === null) return true;
  return order.by !== undefined && isValue(order.by.type, position.by);
}

function pageStatement({ select, where, order }: PageQuery, range: Prisma.Sql, limit: number): Prisma.Sql {
  const by = Prisma.raw(order.by?.sql ?? 'NULL');
  const id = Prisma.raw(order.id.sql);
  return Prisma.sql`SELECT ${by} AS "keyBy", ${id}::text AS "keyId", ${select}
    WHERE ${Prisma.join([...where, range], ' AND ')} ORDER BY ${ordering(order)} LIMIT ${limit}`;
}

/** All rows in the order in which pages bring them. */
export function wholeStatement({ select, where, order }: Omit<PageQuery, 'after' | 'limit'>): Prisma.Sql {
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

/** Whether PostgreSQL can hold the four numbers of a version. */
function isVersion(value: string): boolean {
  const [time = '', commit = '', sequence = '', readAt = '', ...more] = value.split('.');
  const isWithin = (part: string, most: bigint): boolean => /^\d{1,19}$/.test(part) && BigInt(part) <= most;
  const times = [time, readAt].every((part) => isWithin(part, BigInt(Number.MAX_SAFE_INTEGER)));
  return more.length === 0 && times && isWithin(commit, 2n ** 63n - 1n) && isWithin(sequence, 2n ** 31n - 1n);
}

function bind(value: string, column: KeysetColumn): Prisma.Sql {
  return Prisma.sql`${value}::${Prisma.raw(column.type)}`;
}

function positionOf({ keyBy, keyId }: KeyColumns): KeysetPosition {
  return { by: keyBy instanceof Date ? keyBy.toISOString() : keyBy, id: keyId };
}

/** `sql` and `type` come from the code alone, never from a request. */
export type KeysetColumn = {
  readonly sql: string;
  readonly type: 'text' | 'timestamptz' | 'bigint' | 'uuid' | 'version';
};

/** Rows are ordered by `by`, if given, and then by the unique `id`, both in one direction. */
export type KeysetOrder = {
  readonly by?: KeysetColumn | undefined;
  readonly id: KeysetColumn;
  readonly descending: boolean;
};

/** The last row of a page: its ordering value (times as RFC 3339) and its id. */
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
