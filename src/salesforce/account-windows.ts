import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';
import type { Span } from './read-accounts.ts';

/** How many living accounts were last modified in a span of time, and when the last of them was. */
export type WindowCount = {
  readonly count: number /** Epoch milliseconds. */;
  readonly newest: number | null;
};

export type WindowUnit = 'month' | 'day' | 'hour';

/** One window of a unit, by its begin in epoch milliseconds. */
export type Windows = ReadonlyMap<number, WindowCount>;

/**
 * Counts of all windows in a span, one request whatever the number of accounts. Times are UTC.
 * Source: "Date Functions", SOQL and SOSL reference.
 * @throws SalesforceError
 */
export async function countWindows(
  connection: Connection,
  unit: WindowUnit,
  { from, to }: Span,
): Promise<Windows> {
  const parts = functionsOf[unit];
  const grouped = parts.map((name) => `${name}(LastModifiedDate)`);
  const selected = grouped.map((call, index) => `${call} p${index}`);
  const soql = `SELECT ${selected.join(', ')}, COUNT(Id) c, MAX(LastModifiedDate) t FROM Account
    WHERE LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}
    GROUP BY ${grouped.join(', ')}`.replace(/\s+/g, ' ');
  const records = await query<GroupRow>(connection, soql);
  return new Map(records.map((row) => [beginOf(row), { count: row.c, newest: timeOf(row.t) }]));
}

/** @throws SalesforceError */
export async function countWindow(connection: Connection, { from, to }: Span): Promise<WindowCount> {
  const soql = `SELECT COUNT(Id) c, MAX(LastModifiedDate) t FROM Account WHERE LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}`;
  const [row] = await query<Pick<GroupRow, 'c' | 't'>>(connection, soql);
  return { count: row?.c ?? 0, newest: timeOf(row?.t ?? null) };
}

/** @throws SalesforceError */
export async function countLiving(connection: Connection): Promise<number> {
  const url = `/query?q=${encodeURIComponent('SELECT COUNT() FROM Account')}`;
  const answer = await restAnswer(
    connection.request<{ totalSize: number }>(url),
    120_000,
    'the count of accounts',
  );
  return answer.totalSize;
}

const functionsOf: Readonly<Record<WindowUnit, readonly string[]>> = {
  month: ['CALENDAR_YEAR', 'CALENDAR_MONTH'],
  day: ['CALENDAR_YEAR', 'CALENDAR_MONTH', 'DAY_IN_MONTH'],
  hour: ['CALENDAR_YEAR', 'CALENDAR_MONTH', 'DAY_IN_MONTH', 'HOUR_IN_DAY'],
};

type GroupRow = {
  readonly p0: number;
  readonly p1: number;
  readonly p2?: number;
  readonly p3?: number;
  readonly c: number;
  readonly t: string | null;
};

function beginOf({ p0, p1, p2, p3 }: GroupRow): number {
  return Date.UTC(p0, p1 - 1, p2 ?? 1, p3 ?? 0);
}

function timeOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

async function query<T>(connection: Connection, soql: string): Promise<T[]> {
  const url = `/query?q=${encodeURIComponent(soql)}`;
  const { records } = await restAnswer(
    connection.request<{ records: T[] }>(url),
    120_000,
    'the counts of accounts',
  );
  return records;
}
