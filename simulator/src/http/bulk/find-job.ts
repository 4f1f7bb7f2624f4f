import type { FastifyRequest } from 'fastify';
import { ApiError, resourceNotFound } from '../api-error.ts';
import { callerOf } from '../rest-caller.ts';
import type { BulkContext } from './bulk-context.ts';
import type { BulkJob } from './bulk-job.ts';

/** The job of an id in a path. Throws 404. */
export const findJob = ({ jobs }: BulkContext, id: string): BulkJob => {
  const job = jobs.find(id);
  if (!job) throw resourceNotFound();
  return job;
};

/** A refusal of what cannot be done with a job in its state. */
export const wrongState = (message: string) => new ApiError(400, 'INVALIDJOBSTATE', message);

/** Resources are not there before the API version that brought them. */
export const assertSince = (request: FastifyRequest, version: number): void => {
  if (Number(callerOf(request).apiVersion) < version) throw resourceNotFound();
};
