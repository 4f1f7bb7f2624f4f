import type { FastifyInstance } from 'fastify';
import type { OrgRecord } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import type { ReplicationFaults } from './fault-hooks.ts';
import type { HttpContext } from './http-context.ts';
import { timeText } from './record-json.ts';
import { assertAccount } from './rest-rows.ts';

/** The accounts updated or deleted between two times, without their seconds. */
export const replicationRoutes =
  ({ faults, now, org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.get<SpanRoute>('/sobjects/:type/updated', async ({ query }) => {
      const limits = faults.replication();
      const span = coveredSpan(readSpan(query, now(), 30), now(), limits);
      const active = [...org.records()].filter(({ isDeleted }) => !isDeleted);
      const ids = recordsWithin(span, active, limits).map(({ id }) => id);
      return { ids, latestDateCovered: timeText(span.end) };
    });

    app.get<SpanRoute>('/sobjects/:type/deleted', async ({ query }) => {
      const limits = faults.replication();
      const span = coveredSpan(readSpan(query, now(), 15), now(), limits);
      const earliest = wholeMinutes(now() - (limits.deleteLogMinutes ?? 15 * DAY_MINUTES) * MINUTE_MS);
      const logged = { ...span, start: Math.max(span.start, earliest) };
      const deletedRecords = recordsWithin(logged, org.deletions(), limits).map(({ id, values }) => ({
        id,
        deletedDate: timeText(Number(values['SystemModstamp'])),
      }));
      return {
        deletedRecords,
        earliestDateAvailable: timeText(earliest),
        latestDateCovered: timeText(span.end),
      };
    });

    const recordsWithin = (
      { start, end }: Span,
      records: Iterable<OrgRecord>,
      { maxIds = MAX_IDS }: ReplicationFaults,
    ): OrgRecord[] => {
      const found: OrgRecord[] = [];
      for (const record of records) {
        const time = Number(record.values['SystemModstamp']);
        if (time >= start && time < end) found.push(record);
      }
      if (found.length <= maxIds) return found;
      throw new ApiError(400, 'EXCEEDED_ID_LIMIT', `more than ${maxIds} ids: choose a shorter span of time`);
    };
  };

/** Records carry the start time of their transaction, so times after the start of an open one are not covered. */
const coveredSpan = ({ start, end }: Span, now: number, { openMinutes = 0 }: ReplicationFaults): Span => ({
  start,
  end: Math.max(start, Math.min(end, wholeMinutes(now - openMinutes * MINUTE_MS))),
});

const readSpan = ({ start, end }: SpanRoute['Querystring'], now: number, maxDays: number): Span => {
  const span = { start: readTime('start', start), end: Math.min(readTime('end', end), wholeMinutes(now)) };
  if (span.start < now - maxDays * DAY_MS) {
    throw new ApiError(400, 'INVALID_REPLICATION_DATE', `startDate is more than ${maxDays} days ago`);
  }
  if (span.end <= span.start) {
    const message = 'endDate must be at least one minute after startDate';
    throw new ApiError(400, 'INVALID_REPLICATION_DATE', message);
  }
  return span;
};

/** In a URL the `+` of an offset is often decoded as a space. */
const readTime = (name: string, text: string | undefined): number => {
  const time = Date.parse((text ?? '').replace(/[ +](\d{2}):?(\d{2})$/, '+$1:$2'));
  if (!Number.isNaN(time)) return wholeMinutes(time);
  throw new ApiError(400, 'INVALID_REPLICATION_DATE', `${name} must be a time like 2026-11-23T08:00:00Z`);
};

const wholeMinutes = (time: number): number => Math.floor(time / MINUTE_MS) * MINUTE_MS;

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
const MAX_IDS = 600_000;

/** Epoch milliseconds; `end` is exclusive. */
type Span = { readonly start: number; readonly end: number };

type SpanRoute = { Params: { type: string }; Querystring: { start?: string; end?: string } };
