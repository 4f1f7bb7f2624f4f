import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalidFields, Problem, type ProblemKind } from '../problem.ts';
import { isDatabaseUnavailable } from './database-errors.ts';
import { allowedMethods, type KnownRoutes } from './known-routes.ts';
import { fieldErrors } from './validate-requests.ts';

/** Answers every failure, Fastify's own included, as a problem; what is not the caller's fault goes to the log. */
export function registerErrorHandler(app: FastifyInstance, routes: KnownRoutes): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500 && problem.kind !== 'not-ready') {
      request.log.error({ err: error }, 'request failed');
    }
    return sendProblem(problem, request, reply);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(unknownUrl(request, routes), request, reply));
  // Before a body is looked at: whatever it is, it was sent to nowhere.
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) throw unknownUrl(request, routes);
    done();
  });
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(request.id)));
}

/** Translates what a handler or Fastify threw; the text of an unexpected error stays inside. */
export function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) {
    return invalidFields(fieldErrors(error.validation, error.validationContext));
  }
  const kind = kindsByStatus[error.statusCode ?? 500];
  if (kind !== undefined) return new Problem(kind, clientErrors[error.code] ?? error.message);
  if (error.code === 'FST_ERR_HANDLER_TIMEOUT' || isDatabaseUnavailable(error)) {
    return new Problem('unavailable', 'Try again in a few seconds.', { headers: { 'retry-after': '5' } });
  }
  return new Problem('internal-error', 'The log says more under the request id.');
}

/** 405 where the URL answers to other methods, else 404. */
export function unknownUrl(request: FastifyRequest, routes: KnownRoutes): Problem {
  const path = request.url.split('?', 1)[0] ?? '';
  const methods = allowedMethods(routes, path);
  if (methods.length === 0) {
    return new Problem('not-found', 'Nothing lives at this URL; /docs shows what there is.');
  }
  const allow = methods.join(', ');
  return new Problem('method-not-allowed', `This URL answers to ${allow}.`, { headers: { allow } });
}

const kindsByStatus: Readonly<Record<number, ProblemKind>> = {
  400: 'invalid-request',
  404: 'not-found',
  408: 'request-timeout',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
};

const clientErrors: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE:
    'The body is larger than this takes: 256 KiB, 1 MiB where it lists ids, or 5 MiB of a webhook.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send bodies as application/json.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty although its type says JSON: send {} or no Content-Type.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_BAD_URL: 'The URL is not validly encoded.',
};
