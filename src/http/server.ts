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
import { answerOptions } from './answer-options.ts';
import { addProblemAnswers, sendProblem, toProblem } from './answer-problems.ts';
import { addAuthentication } from './authenticate.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { closeSilentConnections } from './close-silent-connections.ts';
import { closeWhenStopping } from './close-when-stopping.ts';
import { lazySerializers } from './compile-serializer.ts';
import { compressAnswers } from './compress-answers.ts';
import { addCors } from './cors.ts';
import type { HttpDependencies } from './dependencies.ts';
import { addEventStreams } from './event-stream.ts';
import { collectRoutes } from './known-routes.ts';
import { limitBodies } from './limit-bodies.ts';
import { limitDepth } from './limit-depth.ts';
import { addListTags } from './list-tags.ts';
import { addMetrics } from './metrics.ts';
import { Problem } from './problem.ts';
import { addRateLimits } from './rate-limits.ts';
import { addReadDatabase } from './read-database.ts';
import { addRequestLog, loggerOptions, requestId } from './request-log.ts';
import { addAccountRoutes } from './routes/accounts.ts';
import { addDocs } from './routes/docs.ts';
import { addEventRetryRoute } from './routes/event-retry.ts';
import { addEventRoutes } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addIncidentRoutes } from './routes/incidents.ts';
import { addLiveEventRoute } from './routes/live-events.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addProblemsPage } from './routes/problems.ts';
import { addResyncRoutes } from './routes/resyncs.ts';
import { addRootRoutes } from './routes/root.ts';
import { addStatusRoute } from './routes/status.ts';
import { addSubscriptionReconnectRoute } from './routes/subscription-reconnect.ts';
import { addTransactionRoute } from './routes/transactions.ts';
import { addWriteBackRoutes } from './routes/write-backs.ts';
import { shareRoom, shedLoad } from './shed-load.ts';
import { addSignedCursors } from './signed-cursors.ts';
import { compileValidator } from './validate-requests.ts';
import { tokenVerifier } from './verify-token.ts';
import { addWebhookRoutes } from './webhooks/webhook-routes.ts';

/** Builds the whole HTTP server; nothing listens yet. Close it to free what it holds; it closes no dependency. */
export async function createServer(dependencies: HttpDependencies): Promise<Server> {
  const { access } = dependencies;
  const app: Server = fastify({
    ...limits,
    ...loggerOptions(dependencies.logger),
    ...trustedProxies(access?.trustedProxies),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    schemaController: { compilersFactory: { buildSerializer: lazySerializers } },
    frameworkErrors: (error, request, reply) => sendProblem(toProblem(error), request, reply),
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  app.removeContentTypeParser('text/plain');

  const routes = collectRoutes(app);
  addRequestLog(app);
  const metrics = addMetrics(app);
  keepOutOfCaches(app);
  closeSilentConnections(app);
  closeWhenStopping(app, dependencies.stopping);
  await app.register(fastifyHelmet, { contentSecurityPolicy: { useDefaults: false, directives: nothing } });
  await compressAnswers(app);
  answerOptions(app, routes, (access?.corsOrigins ?? []).length > 0);
  await addCors(app, access?.corsOrigins);
  shedLoad(app, access?.loadLimits, metrics.shed);
  const rateLimits = await addRateLimits(app, access?.rateLimits, metrics.limited);
  addProblemAnswers(app, routes);
  addListTags(app);
  const verifyToken =
    access?.oidc &&
    tokenVerifier(access.oidc, (error) => app.log.warn({ err: error }, 'the issuer of tokens is away'));
  addAuthentication(app, { keys: dependencies.apiKeys, verifyToken, limits: rateLimits });
  refuseCompressedBodies(app);
  shareRoom(app, access?.loadLimits, metrics.shed);
  limitBodies(app, metrics.shed);
  limitDepth(app);
  addSignedCursors(app, dependencies.pool);
  addReadDatabase(app, dependencies);

  await addDocs(app, dependencies);
  const streams = await addEventStreams(app, dependencies.stallLimitMs);
  addAccountRoutes(app, dependencies);
  addEventRoutes(app, dependencies);
  addEventRetryRoute(app, dependencies);
  addLiveEventRoute(app, dependencies, streams);
  addTransactionRoute(app);
  addResyncRoutes(app, dependencies, streams);
  addIncidentRoutes(app, dependencies);
  addWriteBackRoutes(app, dependencies);
  addStatusRoute(app, dependencies);
  addSubscriptionReconnectRoute(app, dependencies);
  addHealthRoutes(app, dependencies);
  addMetricsRoute(app, dependencies, metrics);
  addProblemsPage(app);
  await addWebhookRoutes(app, dependencies);
  addRootRoutes(app, dependencies);
  return app;
}

// Times in milliseconds. Fastify by itself lets a request take for ever to arrive.
const limits = {
  bodyLimit: 256 * 1024,
  requestTimeout: 30_000,
  handlerTimeout: 60_000,
  keepAliveTimeout: 72_000,
  // Whoever takes nothing and sends nothing for so long is given up; streams send a heartbeat every 15 s.
  connectionTimeout: 120_000,
  // Node looks for what is late only so often.
  http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000, maxHeaderSize: 16 * 1024 },
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

/** Without one, `X-Forwarded-For` is a header like any other. */
function trustedProxies(proxies: readonly string[] = []): { trustProxy?: string[] } {
  return proxies.length === 0 ? {} : { trustProxy: [...proxies] };
}

function refuseCompressedBodies(app: FastifyInstance): void {
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    if (headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity')
      return done();
    throw new Problem('unsupported-media-type', 'Send bodies without Content-Encoding.');
  });
}

function keepOutOfCaches(app: FastifyInstance): void {
  app.addHook('onRequest', ({ routeOptions }, reply, done) => {
    if (routeOptions.url?.startsWith('/docs') !== true) reply.header('cache-control', 'no-store');
    done();
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
