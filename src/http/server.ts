import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyInstance, fastify, LogController } from 'fastify';
import { registerAuthentication } from './plugins/authenticate.ts';
import { handleClientError } from './plugins/client-error-handler.ts';
import { registerConnectionClose, registerUnusedConnectionCleanup } from './plugins/close-connections.ts';
import { registerCompression } from './plugins/compress-responses.ts';
import { createSendConsole, registerConsole } from './plugins/console-pages.ts';
import { registerCors } from './plugins/cors.ts';
import { registerErrorHandler, sendProblem, toProblem } from './plugins/error-handler.ts';
import { registerListTags } from './plugins/etags.ts';
import { collectRoutes, registerOptionsHandler } from './plugins/known-routes.ts';
import { limitBodies, limitDepth } from './plugins/limit-bodies.ts';
import { registerRateLimits } from './plugins/rate-limits.ts';
import { registerReadDatabase } from './plugins/read-database.ts';
import { registerRequestRecorder } from './plugins/record-requests.ts';
import { rejectAmbiguousRequests } from './plugins/reject-ambiguous.ts';
import { registerRelativeLocation } from './plugins/relative-location.ts';
import { reportBursts } from './plugins/report-bursts.ts';
import { loggerOptions, registerRequestLog, requestId } from './plugins/request-log.ts';
import { registerMetrics } from './plugins/request-metrics.ts';
import { registerResponseHeaders } from './plugins/response-headers.ts';
import { lazySerializers } from './plugins/serializers.ts';
import { limitConcurrency, shedLoad } from './plugins/shed-load.ts';
import { registerSignedCursors } from './plugins/signed-cursors.ts';
import { registerTracing } from './plugins/trace-requests.ts';
import { compileValidator } from './plugins/validate-requests.ts';
import { createTokenVerifier } from './plugins/verify-token.ts';
import { Problem } from './problem.ts';
import { registerAccountRoutes } from './routes/accounts.ts';
import { registerDocs } from './routes/docs.ts';
import { registerEventRoutes } from './routes/events.ts';
import { registerHealthRoutes } from './routes/health.ts';
import { registerIncidentRoutes } from './routes/incidents.ts';
import { registerLiveEventRoute } from './routes/live-events.ts';
import { registerMetricsRoute } from './routes/metrics.ts';
import { registerProblemsPage } from './routes/problems.ts';
import { registerResyncRoutes } from './routes/resyncs.ts';
import { registerRootRoutes } from './routes/root.ts';
import { registerSimulatorRoutes } from './routes/simulator.ts';
import { registerStatusRoute } from './routes/status.ts';
import { registerSubscriptionReconnectRoute } from './routes/subscription-reconnect.ts';
import { registerSystemRoutes } from './routes/system.ts';
import { registerTransactionRoute } from './routes/transactions.ts';
import { registerWebhookRoutes } from './routes/webhooks/webhook-routes.ts';
import { registerWriteBackRoutes } from './routes/write-backs.ts';
import type { HttpDependencies, Server } from './server-types.ts';
import { registerEventStreams } from './streams/event-stream.ts';
import { createCounts } from './views/read-counts.ts';

/** Creates the HTTP server, which does not listen yet. Closing it does not close the dependencies. */
export async function createServer(dependencies: HttpDependencies): Promise<Server> {
  const { access } = dependencies;
  const app: Server = fastify({
    ...limits,
    ...loggerOptions(dependencies.logger),
    ...(access?.trustedProxies?.length ? { trustProxy: [...access.trustedProxies] } : {}),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    schemaController: { compilersFactory: { buildSerializer: lazySerializers } },
    frameworkErrors: (error, request, reply) => sendProblem(toProblem(error), request, reply),
    clientErrorHandler: handleClientError,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  app.removeContentTypeParser('text/plain');

  const routes = collectRoutes(app);
  registerResponseHeaders(app);
  registerRelativeLocation(app);
  registerRequestLog(app);
  registerRequestRecorder(app, dependencies.requestLog);
  const metrics = registerMetrics(app);
  registerTracing(app);
  registerUnusedConnectionCleanup(app);
  registerConnectionClose(app, dependencies.stopping);
  await registerCompression(app);
  const rateLimits = await registerRateLimits(app, access?.rateLimits, metrics.limited);
  registerOptionsHandler(app, routes, (access?.corsOrigins ?? []).length > 0);
  await registerCors(app, access?.corsOrigins);
  const reportOverload = reportBursts(app, {
    began: () => app.log.warn('overloaded; rejecting requests'),
    ended: (burst) => app.log.info(burst, 'overload ended'),
  });
  const onShed = (): void => {
    metrics.shed();
    reportOverload();
  };
  shedLoad(app, access?.loadLimits, onShed);
  const sendConsole = createSendConsole();
  registerErrorHandler(app, routes, sendConsole);
  rejectAmbiguousRequests(app);
  registerListTags(app);
  const reportIssuer = reportBursts<Error>(app, {
    began: (error) => app.log.warn({ err: error }, 'token issuer unavailable; rejecting its tokens'),
    ended: (burst) => app.log.info(burst, 'tokens are no longer rejected because of the issuer'),
  });
  const verifyToken = access?.oidc && createTokenVerifier(access.oidc, reportIssuer);
  registerAuthentication(app, { keys: dependencies.apiKeys, verifyToken, limits: rateLimits });
  rejectCompressedBodies(app);
  limitConcurrency(app, access?.loadLimits, onShed);
  limitBodies(app, onShed);
  limitDepth(app);
  registerSignedCursors(app, dependencies.prisma);
  registerReadDatabase(app, dependencies);

  await registerDocs(app, dependencies);
  await registerConsole(app);
  const streams = await registerEventStreams(app, dependencies.streamStallTimeoutMs);
  registerAccountRoutes(app, dependencies);
  registerEventRoutes(app, dependencies);
  registerLiveEventRoute(app, dependencies, streams);
  registerTransactionRoute(app);
  registerResyncRoutes(app, dependencies, streams);
  registerIncidentRoutes(app, dependencies);
  registerWriteBackRoutes(app, dependencies);
  const readCounts = createCounts(dependencies.pool);
  registerStatusRoute(app, dependencies, readCounts);
  registerSubscriptionReconnectRoute(app, dependencies);
  registerSystemRoutes(app, dependencies);
  registerSimulatorRoutes(app, dependencies);
  registerHealthRoutes(app, dependencies);
  registerMetricsRoute(app, dependencies, metrics, readCounts);
  registerProblemsPage(app);
  await registerWebhookRoutes(app, dependencies);
  registerRootRoutes(app, dependencies, sendConsole);
  return app;
}

// Times in milliseconds. Without requestTimeout, Fastify waits indefinitely for a request.
const limits = {
  bodyLimit: 256 * 1024,
  requestTimeout: 30_000,
  handlerTimeout: 60_000,
  keepAliveTimeout: 72_000,
  // Idle connections; streams send a heartbeat every 15 s.
  connectionTimeout: 120_000,
  // Node checks these timeouts only at this interval.
  http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000, maxHeaderSize: 16 * 1024 },
  return503OnClosing: true,
  // As long as a URL can be, so that the schema rejects every malformed id.
  routerOptions: { maxParamLength: 16 * 1024 },
} as const;

function rejectCompressedBodies(app: FastifyInstance): void {
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    if (headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity')
      return done();
    throw new Problem('unsupported-media-type', 'Send bodies without Content-Encoding.');
  });
}
