import { fastifyHelmet } from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { addProblemAnswers, sendProblem, toProblem } from './answer-problems.ts';
import { addAuthentication } from './authenticate.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { closeSilentConnections } from './close-silent-connections.ts';
import type { HttpDependencies } from './dependencies.ts';
import { addEventStreams } from './event-stream.ts';
import { collectRoutes } from './known-routes.ts';
import { Problem } from './problem.ts';
import { addRequestLog, loggerOptions, requestId } from './request-log.ts';
import { addAccountRoutes } from './routes/accounts.ts';
import { addDocs } from './routes/docs.ts';
import { addEventRetryRoute } from './routes/event-retry.ts';
import { addEventRoutes } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addIncidentRoutes } from './routes/incidents.ts';
import { addResyncRoutes } from './routes/resyncs.ts';
import { addRootRoutes } from './routes/root.ts';
import { addStatusRoute } from './routes/status.ts';
import { addTransactionRoute } from './routes/transactions.ts';
import { addWriteBackRoutes } from './routes/write-backs.ts';
import { compileValidator } from './validate-requests.ts';

/** Builds the whole HTTP server; nothing listens yet. Close it to free what it holds; it closes no dependency. */
export async function createServer(dependencies: HttpDependencies): Promise<Server> {
  const app: Server = fastify({
    ...limits,
    ...loggerOptions(dependencies.logger),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    frameworkErrors: (error, request, reply) => sendProblem(toProblem(error), request, reply),
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  app.removeContentTypeParser('text/plain');

  const routes = collectRoutes(app);
  addRequestLog(app);
  keepOutOfCaches(app);
  closeSilentConnections(app);
  await app.register(fastifyHelmet, { contentSecurityPolicy: { useDefaults: false, directives: nothing } });
  addProblemAnswers(app, routes);
  addAuthentication(app, dependencies.apiKeys);
  refuseCompressedBodies(app);

  await addDocs(app, dependencies);
  const streams = await addEventStreams(app);
  addAccountRoutes(app, dependencies);
  addEventRoutes(app, dependencies);
  addEventRetryRoute(app, dependencies);
  addTransactionRoute(app, dependencies);
  addResyncRoutes(app, dependencies, streams);
  addIncidentRoutes(app, dependencies);
  addWriteBackRoutes(app, dependencies);
  addStatusRoute(app, dependencies);
  addHealthRoutes(app, dependencies);
  addRootRoutes(app, dependencies);
  return app;
}

// Times in milliseconds. Fastify by itself lets a request take for ever to arrive.
const limits = {
  bodyLimit: 256 * 1024,
  requestTimeout: 30_000,
  handlerTimeout: 60_000,
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 15_000 },
  return503OnClosing: true,
  // As long as a URL can be, so that every malformed id is refused by its schema.
  routerOptions: { maxParamLength: 16 * 1024 },
} as const;

// Answers are data; a browser that opens one shall load and run nothing.
const nothing = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

function refuseCompressedBodies(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity') return;
    throw new Problem('unsupported-media-type', 'Send bodies without Content-Encoding.');
  });
}

function keepOutOfCaches(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ routeOptions }, reply) => {
    if (routeOptions.url?.startsWith('/docs') !== true) reply.header('cache-control', 'no-store');
  });
}

/** The server with types taken from the schemas of its routes. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
