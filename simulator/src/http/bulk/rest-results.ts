import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../api-error.ts';
import type { HttpContext } from '../http-context.ts';
import type { RequestAllowance } from '../request-allowance.ts';
import { callerOf, versionUrl } from '../rest-caller.ts';
import { assertSince, findJob, locatorOf, readMaxRecords, rowOf, wrongState } from './bulk-input.ts';
import type { BulkJob } from './bulk-job.ts';
import type { QueryRows } from './bulk-rows.ts';
import { pageCsv, pageOf } from './result-page.ts';

/** The pages of the result of a complete job, and the URLs of several pages. */
export const resultRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  const { bulk } = context;

  app.get<ResultRoute>('/jobs/query/:id/results', async (request, reply) => {
    const job = findJob(bulk, request.params.id);
    const result = resultOf(job, request);
    const { locator, maxRecords } = request.query;
    const start = startOf(job, result, locator);
    const faults = bulk.faults.page(start);
    const page = pageOf(result.records.length, start, readMaxRecords(maxRecords, bulk.pageRows), faults);
    bulk.jobs.countPage(job);
    const { id, lineEnding } = job.info;
    const csv = pageCsv(result, lineEnding, page, faults);
    const body = Readable.from(counted(csv, bulk.storage), { objectMode: false });
    if (bulk.isCompressed) reply.header('Content-Encoding', 'gzip');
    return reply
      .header('Sforce-Locator', page.next === null ? 'null' : locatorOf(id, page.next))
      .header('Sforce-NumberOfRecords', page.end - page.start)
      .type('text/csv;charset=UTF-8')
      .send(bulk.isCompressed ? gzipped(body) : body);
  });

  app.get<ResultRoute>('/jobs/query/:id/resultPages', async (request) => {
    assertSince(request, 58);
    const job = findJob(bulk, request.params.id);
    const result = resultOf(job, request);
    const start = startOf(job, result, request.query.locator);
    const url = `${versionUrl(request)}/jobs/query/${job.info.id}`;
    const starts = pageStarts(result.records.length, start, bulk.pageRows);
    const next = starts.splice(maxPages)[0];
    const locator = (row: number) => locatorOf(job.info.id, row);
    return {
      resultPages: starts.map((row) => ({ resultUrl: `${url}/results?locator=${locator(row)}` })),
      nextRecordsUrl: next === undefined ? null : `${url}/resultPages?locator=${locator(next)}`,
      done: next === undefined,
    };
  });
};

/** Throws 409 for another API version than the job's, 400 for a job without a result. */
const resultOf = ({ info, result }: BulkJob, request: FastifyRequest): QueryRows => {
  if (info.apiVersion !== callerOf(request).apiVersion) {
    const message = `The job was created with API version ${info.apiVersion}; only that version can read its results`;
    throw new ApiError(409, 'API_ERROR', message);
  }
  if (info.state === 'JobComplete' && result) return result;
  throw wrongState(`Results are only available for a job that is JobComplete; this one is ${info.state}`);
};

const startOf = ({ info }: BulkJob, { records }: QueryRows, locator: string | undefined): number => {
  if (locator === undefined) return 0;
  const row = rowOf(info.id, locator);
  if (row !== undefined && row <= records.length) return row;
  throw new ApiError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
};

/** The first rows of pages: those of one response, and one more if there are more. */
const pageStarts = (rows: number, start: number, pageRows: number): number[] => {
  const starts = [start];
  for (let row = start + pageRows; row < rows && starts.length <= maxPages; row += pageRows) starts.push(row);
  return starts;
};

/** An error of the source closes the response, which is the only effect it needs. */
const gzipped = (source: Readable): Readable => pipeline(source, createGzip({ level: 1 }), () => undefined);

async function* counted(pieces: AsyncIterable<string>, storage: RequestAllowance): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece);
    storage.count(bytes.length / bytesPerMegabyte);
    yield bytes;
  }
}

const maxPages = 5;
const bytesPerMegabyte = 1024 * 1024;

type ResultRoute = { Params: { id: string }; Querystring: { locator?: string; maxRecords?: string } };
