import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { databaseErrorCode, isDatabaseUnreachable } from '../../db/database-fault.ts';
import { logFailure } from '../../db/log-failure.ts';
import { invalidFields, Problem } from '../problem.ts';
import type { ProblemKind } from '../problem-kinds.ts';
import type { SendConsole } from './console-pages.ts';
import { type KnownRoutes, unknownRouteProblem } from './known-routes.ts';
import { toFieldErrors } from './validate-requests.ts';

/** Converts every error, including those of Fastify, to a problem response, and logs server errors. */
export function registerErrorHandler(
  app: FastifyInstance,
  routes: KnownRoutes,
  sendConsole: SendConsole,
): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error);
    logServerError(error, problem, request);
    return sendProblem(problem, request, reply);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(unknownRouteProblem(request, routes), request, reply),
  );
  // Respond before the body is parsed.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404 && sendConsole(request, reply)) return;
    if (request.is404) throw unknownRouteProblem(request, routes);
    done();
  });
}

/** A rejection that the service has decided on is no failure. */
export function logServerError(
  error: Error,
  { status }: Problem,
  { log }: Pick<FastifyRequest, 'log'>,
): void {
  if (status >= 500 && !(error instanceof Problem)) logFailure(log, error, 'request failed', {}, 'error');
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.rejection = problem.message;
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem.toBody(request.id)));
}

/** Converts an error of a handler or of Fastify. The message of an unexpected error is not exposed. */
export function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) {
    return invalidFields(toFieldErrors(error.validation, error.validationContext));
  }
  const kind = kindOf(error.statusCode ?? 500);
  if (kind !== undefined) return new Problem(kind, clientErrors[error.code] ?? error.message);
  if (isDatabaseUnreachable(error))
    return unavailable('The database does not answer. Try again in a few seconds.');
  if (error.code === 'FST_ERR_HANDLER_TIMEOUT' || isDatabaseUnavailable(error)) {
    return unavailable('Try again in a few seconds.');
  }
  return new Problem('internal-error', 'See the log of the service for this request id.');
}

export function unavailable(detail: string): Problem {
  return new Problem('unavailable', detail, { headers: { 'retry-after': '5' } });
}

/** Undefined for errors of the server. An error of the client is never reported as one of the server. */
function kindOf(status: number): ProblemKind | undefined {
  return kindsByStatus[status] ?? (status >= 400 && status < 500 ? 'invalid-request' : undefined);
}

const kindsByStatus: Readonly<Record<number, ProblemKind>> = {
  // Files of the documentation: a path outside the folder.
  403: 'not-found',
  404: 'not-found',
  408: 'request-timeout',
  412: 'precondition-failed',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
};

const clientErrors: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE:
    'The body exceeds the limit: 256 KiB, 1 MiB for lists of ids, 5 MiB for webhooks.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send bodies as application/json.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty, but its Content-Type is JSON: send {} or no Content-Type.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_BAD_URL: 'The URL is not encoded correctly.',
};

/** Whether an error is temporary: the database is unreachable or cannot execute statements at present. */
export function isDatabaseUnavailable(error: Error): boolean {
  return isDatabaseUnreachable(error) || temporaryCodes.test(databaseErrorCode(error));
}

// PostgreSQL: transaction rollback, insufficient resources, lock not available, operator intervention, system error, a
// read-only transaction, and a column or table that was removed by hand: that of accounts is restored.
const temporaryCodes = /^(?:40|53|55P03|57|58|25006|42703|42P01)/;
