import type pg from 'pg';
import {
  countExisting,
  countWindow,
  countWindows,
  type WindowCount,
  type Windows,
  type WindowUnit,
} from '../salesforce/account-windows.ts';
import { readAccountsModified, type Span } from '../salesforce/read-accounts.ts';
import { readPagesById } from './pages.ts';
import type { Page, RunningResync } from './snapshot.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
// A change of the last minute may not have arrived yet.
const marginMs = 60_000;
// Spans are halved until neither side has more accounts.
const maxSpanAccounts = 2_000;
// If more differ, reading everything is cheaper.
const maxSpans = 50;

/**
 * Compares counts and newest modification times in windows, months for all time and hmirror for the last week, and narrows
 * down those that differ: a few requests for any number of accounts.
 *
 * @returns spans with every account whose window differs; undefined if too many differ
 */
export async function findDifferingSpans(run: RunningResync): Promise<Span[] | undefined> {
  const end = new Date(Math.floor((run.snapshot.readAt - marginMs) / 1000) * 1000);
  const levels: readonly [WindowUnit, Date][] = [
    ['month', new Date(0)],
    ['day', startOf('month', end.getTime() - 700 * dayMs)],
    ['hour', startOf('day', end.getTime() - 7 * dayMs)],
  ];
  let spans: Span[] = [];
  for (const [unit, from] of levels) {
    const differing = await differingWindows(run, unit, { from, to: end });
    // A finer window replaces the coarser one that contains it.
    spans = [...spans.filter((span) => !differing.some((fine) => contains(span, fine))), ...differing];
  }
  if (spans.length > maxSpans) return undefined;
  const narrowed: Span[] = [];
  for (const span of spans) narrowed.push(...(await narrowDown(run, span)));
  return narrowed.length > maxSpans ? undefined : narrowed;
}

/** Reads the accounts that either side has in a span. */
export async function* readSpan(run: RunningResync, span: Span): AsyncGenerator<Page> {
  const { context, snapshot, callWithinBudget } = run;
  const unseenIds = await readMirrorIds(context.pool, span);
  for await (const reads of readAccountsModified(
    context.org.connection,
    snapshot.plan,
    span,
    callWithinBudget,
  )) {
    for (const { id } of reads) unseenIds.delete(id);
    yield { reads, absent: [], resume: { at: run.row.resumeAt, rows: 0 } };
  }
  yield* readPagesById(run, [...unseenIds]);
}

/** Whether the mirror has more existing accounts than Salesforce, in three consecutive counts. */
export async function hasOrphans({ context, callWithinBudget }: RunningResync): Promise<boolean> {
  for (let count = 0; count < 3; count++) {
    const salesforce = await callWithinBudget(() => countExisting(context.org.connection));
    const { rows } = await context.pool.query<{ count: string }>(
      'select count(*)::text from accounts where not deleted',
    );
    if (Number(rows[0]?.count ?? 0) <= salesforce) return false;
  }
  return true;
}

async function differingWindows(
  { context, callWithinBudget }: RunningResync,
  unit: WindowUnit,
  span: Span,
): Promise<Span[]> {
  const [salesforce, mirror] = [
    await callWithinBudget(() => countWindows(context.org.connection, unit, span)),
    await countMirrorWindows(context.pool, unit, span),
  ];
  const begins = [...new Set([...salesforce.keys(), ...mirror.keys()])].sort((a, b) => a - b);
  return begins
    .filter((begin) => !isEqual(salesforce.get(begin), mirror.get(begin)))
    .map((begin) => ({
      from: new Date(begin),
      to: new Date(Math.min(nextOf(unit, begin), span.to.getTime())),
    }));
}

async function narrowDown(run: RunningResync, span: Span): Promise<Span[]> {
  const { context, callWithinBudget } = run;
  const salesforce = await callWithinBudget(() => countWindow(context.org.connection, span));
  const mirror = await countMirrorWindow(context.pool, span);
  if (isEqual(salesforce, mirror)) return [];
  const lengthMs = span.to.getTime() - span.from.getTime();
  if (Math.max(salesforce.count, mirror.count) <= maxSpanAccounts || lengthMs <= 1_000) return [span];
  const middle = new Date(span.from.getTime() + Math.ceil(lengthMs / 2_000) * 1_000);
  return [
    ...(await narrowDown(run, { from: span.from, to: middle })),
    ...(await narrowDown(run, { from: middle, to: span.to })),
  ];
}

const emptyWindow: WindowCount = { count: 0, newest: null };

function isEqual(one: WindowCount = emptyWindow, other: WindowCount = emptyWindow): boolean {
  return one.count === other.count && one.newest === other.newest;
}

function contains(outer: Span, inner: Span): boolean {
  return outer.from <= inner.from && inner.to <= outer.to;
}

function startOf(unit: WindowUnit, time: number): Date {
  const at = new Date(time);
  const day = unit === 'month' ? 1 : at.getUTCDate();
  return new Date(
    Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), day, unit === 'hour' ? at.getUTCHours() : 0),
  );
}

function nextOf(unit: WindowUnit, begin: number): number {
  if (unit === 'hour') return begin + hourMs;
  if (unit === 'day') return begin + dayMs;
  const at = new Date(begin);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

async function countMirrorWindows(pool: pg.Pool, unit: WindowUnit, { from, to }: Span): Promise<Windows> {
  const { rows } = await pool.query<{ begin: Date; count: number; newest: Date }>({
    name: `mirror-windows-${unit}`,
    text: `select date_trunc('${unit}', modified_at, 'UTC') as begin, count(*)::int as count, max(modified_at) as newest
             from accounts where not deleted and modified_at >= $1 and modified_at < $2 group by 1`,
    values: [from, to],
  });
  return new Map(
    rows.map(({ begin, count, newest }) => [begin.getTime(), { count, newest: newest.getTime() }]),
  );
}

async function countMirrorWindow(pool: pg.Pool, { from, to }: Span): Promise<WindowCount> {
  const { rows } = await pool.query<{ count: number; newest: Date | null }>({
    name: 'mirror-window',
    text: `select count(*)::int as count, max(modified_at) as newest
             from accounts where not deleted and modified_at >= $1 and modified_at < $2`,
    values: [from, to],
  });
  return { count: rows[0]?.count ?? 0, newest: rows[0]?.newest?.getTime() ?? null };
}

async function readMirrorIds(pool: pg.Pool, { from, to }: Span): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'mirror-ids-of-window',
    text: 'select id from accounts where not deleted and modified_at >= $1 and modified_at < $2 order by id',
    values: [from, to],
  });
  return new Set(rows.map(({ id }) => id));
}
