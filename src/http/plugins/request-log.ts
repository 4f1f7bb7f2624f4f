import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { nanoid } from 'nanoid';
import type { LoggerChoice } from '../server-types.ts';

/** Logs every request, without query, headers and body. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? null;
    // Health checks are frequent.
    request.log[route?.startsWith('/health/') ? 'debug' : 'info'](
      {
        method: request.method,
        route,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
        caller: request.callerName,
      },
      'request',
    );
    done();
  });
}

/** The request id of the client if it is well-formed, otherwise a new one. */
export function requestId(request: { headers: { [name: string]: string | string[] | undefined } }): string {
  const sent = request.headers['x-request-id'];
  return typeof sent === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(sent) ? sent : nanoid();
}

/** Paths in log fields that may contain secrets. */
export const secretPaths: readonly string[] = ['authorization', 'secret', 'password', 'token'].flatMap(
  (name) => [`*.${name}`, `*.headers.${name}`],
);

/** The logger options of Fastify; a logger that Fastify creates redacts secrets. */
export function loggerOptions(logger: LoggerChoice): Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  if (logger === false) return { logger: false };
  if (isLogger(logger)) return { loggerInstance: logger };
  return { logger: { redact: [...secretPaths], ...logger } };
}

function isLogger(logger: Exclude<LoggerChoice, false>): logger is Extract<LoggerChoice, { child: unknown }> {
  return 'child' in logger;
}
