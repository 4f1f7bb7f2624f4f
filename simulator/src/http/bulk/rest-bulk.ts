import type { FastifyInstance } from 'fastify';
import { ApiError } from '../api-error.ts';
import type { HttpContext } from '../http-context.ts';
import { callerOf, versionUrl } from '../rest-caller.ts';
import { assertAbort, assertSince, findJob, readBulkRequest, wrongState } from './bulk-input.ts';
import { isUnfinished } from './bulk-job.ts';
import { assertBulkQuery } from './bulk-rows.ts';
import { type JobListQuery, jobJson, listedJobJson, listPage, wholeJobJson } from './job-list.ts';
import { resultRoutes } from './rest-results.ts';

/** Bulk API 2.0 query jobs, `jobs/query`. */
export const bulkRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  const { bulk, now, org } = context;
  const { jobs } = bulk;
  app.addHook('preHandler', async (request) => assertSince(request, 47));
  app.register(resultRoutes(context));

  app.post('/jobs/query', async (request) => {
    const wanted = readBulkRequest(request.body);
    const includeDeleted = wanted.operation === 'queryAll';
    assertBulkQuery(org, wanted.query, { includeDeleted, now: now() });
    takeAllowance(context);
    return jobJson(jobs.create(wanted, callerOf(request)));
  });

  app.get<{ Querystring: JobListQuery }>('/jobs/query', async (request) => {
    const { next, records } = listPage(jobs.newestFirst(), request.query);
    const nextRecordsUrl = next && `${versionUrl(request)}/jobs/query?queryLocator=${next}`;
    return { done: next === null, records: records.map(listedJobJson), nextRecordsUrl };
  });

  app.get<JobRoute>('/jobs/query/:id', async ({ params }) => wholeJobJson(findJob(bulk, params.id).info));

  app.patch<JobRoute>('/jobs/query/:id', async ({ body, params }) => {
    const job = findJob(bulk, params.id);
    assertAbort(body);
    if (job.info.state === 'JobComplete') throw wrongState('Aborting already Completed Job not allowed');
    if (job.info.state === 'Failed') throw wrongState('Aborting already Failed Job not allowed');
    if (isUnfinished(job.info.state)) jobs.abort(job);
    return wholeJobJson(job.info);
  });

  app.delete<JobRoute>('/jobs/query/:id', async ({ params }, reply) => {
    const job = findJob(bulk, params.id);
    if (isUnfinished(job.info.state)) throw wrongState(`Deleting a job ${job.info.state} not allowed`);
    jobs.remove(job);
    return reply.code(204).send();
  });
};

const takeAllowance = ({ bulk: { allowance, storage } }: HttpContext): void => {
  const exceeded = (message: string) => new ApiError(400, 'LIMIT_EXCEEDED', message);
  if (storage.remaining <= 0) {
    throw exceeded('Max bulk v2 query result size stored (1000000000) kb per 24 hrs has been exceeded');
  }
  if (allowance.take()) return;
  const { max, used } = allowance;
  throw exceeded(`Max bulk v2 query jobs (${max}) per 24 hrs has been reached (${used + 1})`);
};

type JobRoute = { Params: { id: string } };
