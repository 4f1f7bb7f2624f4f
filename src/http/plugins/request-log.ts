import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { nanoid } from 'nanoid';
import type { LoggerChoice } from '../dependencies.ts';

/** Gives every answer its request id and writes one line for each request: no query, header or body. */
export function registerRequestLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? null;
    // Probes come every few seconds, for ever.
    const level = route?.startsWith('/health/') ? 'debug' : 'info';
    request.log[level](
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

/** The caller's own request id if it is sane, else a new one. */
export function requestId(request: { headers: { [name: string]: string | string[] | undefined } }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : nanoid();
}

/** Where a secret could stand in what is logged, were somebody careless. */
export const secretPaths: readonly string[] = ['authorization', 'secret', 'password', 'token'].flatMap(
  (name) => [`*.${name}`, `*.headers.${name}`],
);

/** Fastify's options for a logger or for making one; made ones hide credentials wherever they turn up. */
export function loggerOptions(logger: LoggerChoice): Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  if (logger === false) return { logger: false };
  if (isLogger(logger)) return { loggerInstance: logger };
  return { logger: { redact: [...secretPaths], ...logger } };
}

function isLogger(logger: Exclude<LoggerChoice, false>): logger is Extract<LoggerChoice, { child: unknown }> {
  return 'child' in logger;
}
