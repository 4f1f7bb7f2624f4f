import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalidFields, Problem } from '../problem.ts';
import type { ProblemKind } from '../problem-kinds.ts';
import { type KnownRoutes, unknownRouteProblem } from './known-routes.ts';
import { toFieldErrors } from './validate-requests.ts';

/** Converts every error, including those of Fastify, to a problem response, and logs server errors. */
export function registerErrorHandler(app: FastifyInstance, routes: KnownRoutes): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500 && problem.kind !== 'not-ready') {
      request.log.error({ err: error }, 'request failed');
    }
    return sendProblem(problem, request, reply);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(unknownRouteProblem(request, routes), request, reply),
  );
  // Respond before the body is parsed.
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) throw unknownRouteProblem(request, routes);
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

/** Converts an error of a handler or of Fastify. The message of an unexpected error is not exposed. */
export function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (error.validation !== undefined) {
    return invalidFields(toFieldErrors(error.validation, error.validationContext));
  }
  const kind = kindOf(error.statusCode ?? 500);
  if (kind !== undefined) return new Problem(kind, clientErrors[error.code] ?? error.message);
  if (error.code === 'FST_ERR_HANDLER_TIMEOUT' || isDatabaseUnavailable(error)) {
    return new Problem('unavailable', 'Try again in a few seconds.', { headers: { 'retry-after': '5' } });
  }
  return new Problem('internal-error', 'See the log of the service for this request id.');
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
  const code = postgresCode(error) ?? ('code' in error ? String(error.code) : '');
  return (
    temporaryCodes.has(code) ||
    temporaryClasses.test(code) ||
    temporaryMessages.some((message) => message.test(error.message))
  );
}

/** The code of a PostgreSQL error that Prisma wraps in an error with its own code. */
function postgresCode(error: Error): string | undefined {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: string } } } };
  return meta?.driverAdapterError?.cause?.originalCode;
}

// PostgreSQL: connection exceptions, transaction rollback, insufficient resources, lock not available, operator
// intervention, system error.
const temporaryClasses = /^(?:08|40|53|55P03|57|58)/;

// Socket errors of Node; 25006 is a read-only transaction; Prisma: cannot reach, timed out, closed.
const temporaryCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  '25006',
  'P1001',
  'P1002',
  'P1008',
  'P1017',
]);

// Errors of node-postgres without a code.
const temporaryMessages = [
  /timeout exceeded when trying to connect/,
  /^Connection terminated/,
  /^Query read timeout/,
];
