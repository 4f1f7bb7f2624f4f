import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import type { TlsIdentity } from '../pubsub/self-signed-certificate.ts';
import { type Control, controlRoutes } from './control.ts';
import { faultHooks } from './fault-hooks.ts';
import type { HttpContext } from './http-context.ts';
import { identityRoutes } from './identity.ts';
import { sendNotFound } from './not-found.ts';
import { oauthRoutes } from './oauth.ts';
import { assertLoopback, limitAddress, maxHeaderSize } from './request-checks.ts';
import { restRoutes } from './rest.ts';
import { soapRoutes } from './soap.ts';
import { compileLazily } from './validators.ts';

/** Serves all HTTP routes. The caller sets `context.endpoints`. */
export const startHttpServer = async ({
  context,
  control,
  host,
  identity,
  logger,
  port,
}: HttpServerOptions) => {
  const app = Fastify({
    ...(logger && { loggerInstance: logger }),
    bodyLimit: 16 * 1024 * 1024,
    forceCloseConnections: true,
    serverFactory: (handler) =>
      identity
        ? createHttpsServer({ ...identity, ...SERVER_OPTIONS }, handler)
        : createHttpServer(SERVER_OPTIONS, handler),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
  });
  app.setValidatorCompiler(compileLazily);
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Many clients send a content type with a DELETE without a body, which Salesforce accepts.
    if (request.method === 'DELETE' && body === '') done(null, undefined);
    else parseJson(request, body.toString(), done);
  });
  app.addHook('onRequest', limitAddress);
  app.setNotFoundHandler(sendNotFound);
  faultHooks(app, context.faults);
  app.register(oauthRoutes(context));
  app.register(identityRoutes(context));
  app.register(soapRoutes(context));
  app.register(restRoutes(context), { prefix: '/services/data' });
  app.register(controlRoutes(control), { prefix: '/simulator' });
  app.get('/', { onRequest: assertLoopback }, async () => control.describe());
  await app.listen({ host, port });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port');
  return { port: address.port, close: () => app.close() };
};

/** Fastify's own defaults, which it does not apply to a server that it does not create. */
const SERVER_OPTIONS = { keepAliveTimeout: 72_000, maxHeaderSize, requestTimeout: 0 };

type HttpServerOptions = {
  readonly context: HttpContext;
  readonly control: Control;
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly logger: FastifyBaseLogger | undefined;
  /** Plaintext if undefined. */
  readonly identity: TlsIdentity | undefined;
};
