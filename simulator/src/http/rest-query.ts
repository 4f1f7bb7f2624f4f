import type { FastifyInstance } from 'fastify';
import { ApiError } from './api-error.ts';
import { fieldIndex } from './field-index.ts';
import type { HttpContext } from './http-context.ts';
import type { QueryRows } from './query-cursors.ts';
import { recordJson, valueJson } from './record-json.ts';
import { versionUrl } from './rest-caller.ts';
import type { AggregateRow } from './soql/group-records.ts';
import { runQuery } from './soql/run-query.ts';

/** SOQL: `query`, `queryAll` (including deleted records), and the pages of `nextRecordsUrl`. */
export const queryRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  for (const [path, includeDeleted] of [
    ['query', false],
    ['queryAll', true],
  ] as const) {
    app.get<{ Querystring: { q?: string } }>(`/${path}`, async (request) => {
      const { q } = request.query;
      if (typeof q !== 'string' || q === '') {
        throw new ApiError(400, 'MALFORMED_QUERY', 'SOQL statement must be specified');
      }
      const wanted = batchSize(request.headers['sforce-query-options']);
      return firstPage({ text: q, includeDeleted, base: versionUrl(request), wanted }, context);
    });

    app.get<{ Params: { locator: string } }>(`/${path}/:locator`, async (request) => {
      const { cursor, start } = readLocator(request.params.locator);
      const isExpired = context.faults.isLocatorExpired();
      const rows = cursor === undefined || isExpired ? undefined : context.cursors.read(cursor);
      if (!rows || cursor === undefined || start > rows.records.length) {
        throw new ApiError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
      }
      return page(versionUrl(request), rows, cursor, start, context);
    });
  }
};

/** The first page of a query, of at most `wanted` rows. Throws QueryError. */
export const firstPage = (
  { base, includeDeleted, text, wanted = 2000 }: PageRequest,
  context: HttpContext,
) => {
  const result = runQuery(context.org, text, { includeDeleted, now: context.now() });
  if (result.kind === 'count') return { totalSize: result.totalSize, done: true, records: [] };
  if (result.kind === 'aggregate') {
    return { totalSize: result.rows.length, done: true, records: result.rows.map(aggregateJson) };
  }
  const { fields } = result;
  const records = context.faults.isResultEmpty(text) ? [] : result.records;
  const rows = { fields, records, batchSize: Math.min(wanted, context.faults.pageSize() ?? wanted) };
  const cursor = records.length > rows.batchSize ? context.cursors.open(rows) : null;
  return page(base, rows, cursor, 0, context);
};

const aggregateJson = (row: AggregateRow) => {
  const values = row.map(({ name, field, value }) => [name, field ? valueJson(field, value) : value]);
  return { attributes: { type: 'AggregateResult' }, ...Object.fromEntries(values) };
};

const page = (
  base: string,
  { batchSize: size, fields, records }: QueryRows,
  cursor: string | null,
  start: number,
  { org }: HttpContext,
) => {
  const index = fieldIndex(org);
  const next = start + size;
  const done = next >= records.length;
  return {
    totalSize: records.length,
    done,
    ...(!done && { nextRecordsUrl: `${base}/query/${cursor}-${next}` }),
    records: records.slice(start, next).map((record) => recordJson(record, fields, index, base)),
  };
};

/** `0r8…-2000`: a cursor and the next row. */
const readLocator = (locator: string): { cursor: string | undefined; start: number } => {
  const match = /^(\w+)-(\d{1,9})$/.exec(locator);
  return { cursor: match?.[1], start: Number(match?.[2]) };
};

/** `Sforce-Query-Options: batchSize=200…2000`; other values are clamped. */
const batchSize = (header: string | string[] | undefined): number => {
  const wanted = /batchSize\s*=\s*(\d+)/i.exec([header ?? []].flat().join(','))?.[1];
  return wanted === undefined ? 2000 : Math.min(2000, Math.max(200, Number(wanted)));
};

type PageRequest = {
  readonly text: string;
  readonly includeDeleted: boolean;
  /** `/services/data/v66.0` */
  readonly base: string;
  readonly wanted?: number;
};
