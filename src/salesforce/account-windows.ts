import type { Connection } from 'jsforce';
import { type Static, Type } from 'typebox';
import type { Span } from './read-accounts.ts';
import { countPage, querySoql } from './rest-call.ts';

/** Number of existing accounts that were last modified in a span, and the newest modification time. */
export type WindowCount = {
  readonly count: number;
  /** Epoch milliseconds. */
  readonly newest: number | null;
};

export type WindowUnit = 'month' | 'day' | 'hour';

/** Windows of a unit, by their start in epoch milliseconds. */
export type Windows = ReadonlyMap<number, WindowCount>;

/**
 * Counts all windows in a span with one request. Times are UTC.
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
  const { records } = await querySoql(connection, soql, { shape: groupPage });
  return new Map(records.map((row) => [startOf(row), { count: row.c, newest: timeOf(row.t) }]));
}

/** @throws SalesforceError */
export async function countWindow(connection: Connection, { from, to }: Span): Promise<WindowCount> {
  const soql = `SELECT COUNT(Id) c, MAX(LastModifiedDate) t FROM Account WHERE LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}`;
  const [row] = (await querySoql(connection, soql, { shape: spanPage })).records;
  return { count: row?.c ?? 0, newest: timeOf(row?.t ?? null) };
}

/** @throws SalesforceError */
export async function countExisting(connection: Connection): Promise<number> {
  return (await querySoql(connection, 'SELECT COUNT() FROM Account', { shape: countPage })).totalSize;
}

const functionsOf: Readonly<Record<WindowUnit, readonly string[]>> = {
  month: ['CALENDAR_YEAR', 'CALENDAR_MONTH'],
  day: ['CALENDAR_YEAR', 'CALENDAR_MONTH', 'DAY_IN_MONTH'],
  hour: ['CALENDAR_YEAR', 'CALENDAR_MONTH', 'DAY_IN_MONTH', 'HOUR_IN_DAY'],
};

const countRow = Type.Object({ c: Type.Integer(), t: Type.Union([Type.String(), Type.Null()]) });
const groupRow = Type.Object({
  ...countRow.properties,
  p0: Type.Integer(),
  p1: Type.Integer(),
  p2: Type.Optional(Type.Integer()),
  p3: Type.Optional(Type.Integer()),
});
const spanPage = Type.Object({ records: Type.Array(countRow) });
const groupPage = Type.Object({ records: Type.Array(groupRow) });

function startOf({ p0, p1, p2, p3 }: Static<typeof groupRow>): number {
  return Date.UTC(p0, p1 - 1, p2 ?? 1, p3 ?? 0);
}

function timeOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
