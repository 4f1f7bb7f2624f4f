import type pg from 'pg';
import {
  countLiving,
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
// A change of the last minute may be on its way.
const marginMs = 60_000;
/** Spans are narrowed until no side has more accounts in one. */
const spanAccounts = 2_000;
/** Where more than so many windows differ, reading everything is cheaper. */
const maxSpans = 50;

/**
 * Compares counts and newest times of modification in windows, coarse ones for all time and fine ones for the last
 * weeks, and narrows down those that differ: a few requests, whatever the size.
 *
 * @returns spans that hold every account whose window differs, or undefined where too much does
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
    // A finer window that differs stands for the coarser one around it.
    spans = [...spans.filter((span) => !differing.some((fine) => contains(span, fine))), ...differing];
  }
  if (spans.length > maxSpans) return undefined;
  const narrow: Span[] = [];
  for (const span of spans) narrow.push(...(await narrowDown(run, span)));
  return narrow.length > maxSpans ? undefined : narrow;
}

/** The accounts of a span, on either side. */
export async function* readSpan(run: RunningResync, span: Span): AsyncGenerator<Page> {
  const { context, snapshot, callWithinBudget } = run;
  const inMirror = await mirrorIds(context.pool, span);
  for await (const reads of readAccountsModified(
    context.org.connection,
    snapshot.plan,
    span,
    callWithinBudget,
  )) {
    for (const { id } of reads) inMirror.delete(id);
    yield { reads, absent: [], resume: { at: run.row.resumeAt, rows: 0 } };
  }
  yield* readPagesById(run, [...inMirror]);
}

/** Whether the mirror has more living accounts than Salesforce, also when it is looked at again. */
export async function hasOrphans({ context, callWithinBudget }: RunningResync): Promise<boolean> {
  for (let look = 0; look < 3; look++) {
    const theirs = await callWithinBudget(() => countLiving(context.org.connection));
    const { rows } = await context.pool.query<{ count: string }>(
      'select count(*)::text from accounts where not deleted',
    );
    if (Number(rows[0]?.count ?? 0) <= theirs) return false;
  }
  return true;
}

async function differingWindows(
  { context, callWithinBudget }: RunningResync,
  unit: WindowUnit,
  span: Span,
): Promise<Span[]> {
  const [theirs, ours] = [
    await callWithinBudget(() => countWindows(context.org.connection, unit, span)),
    await mirrorWindows(context.pool, unit, span),
  ];
  const begins = [...new Set([...theirs.keys(), ...ours.keys()])].sort((a, b) => a - b);
  return begins
    .filter((begin) => !isEqual(theirs.get(begin), ours.get(begin)))
    .map((begin) => ({
      from: new Date(begin),
      to: new Date(Math.min(nextOf(unit, begin), span.to.getTime())),
    }));
}

async function narrowDown(run: RunningResync, span: Span): Promise<Span[]> {
  const { context, callWithinBudget } = run;
  const theirs = await callWithinBudget(() => countWindow(context.org.connection, span));
  const ours = await mirrorWindow(context.pool, span);
  if (isEqual(theirs, ours)) return [];
  const lengthMs = span.to.getTime() - span.from.getTime();
  if (Math.max(theirs.count, ours.count) <= spanAccounts || lengthMs <= 1_000) return [span];
  const middle = new Date(span.from.getTime() + Math.ceil(lengthMs / 2_000) * 1_000);
  return [
    ...(await narrowDown(run, { from: span.from, to: middle })),
    ...(await narrowDown(run, { from: middle, to: span.to })),
  ];
}

const nothing: WindowCount = { count: 0, newest: null };

function isEqual(one: WindowCount = nothing, other: WindowCount = nothing): boolean {
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

async function mirrorWindows(pool: pg.Pool, unit: WindowUnit, { from, to }: Span): Promise<Windows> {
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

async function mirrorWindow(pool: pg.Pool, { from, to }: Span): Promise<WindowCount> {
  const { rows } = await pool.query<{ count: number; newest: Date | null }>({
    name: 'mirror-window',
    text: `select count(*)::int as count, max(modified_at) as newest
             from accounts where not deleted and modified_at >= $1 and modified_at < $2`,
    values: [from, to],
  });
  return { count: rows[0]?.count ?? 0, newest: rows[0]?.newest?.getTime() ?? null };
}

async function mirrorIds(pool: pg.Pool, { from, to }: Span): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'mirror-ids-of-window',
    text: 'select id from accounts where not deleted and modified_at >= $1 and modified_at < $2 order by id',
    values: [from, to],
  });
  return new Set(rows.map(({ id }) => id));
}
