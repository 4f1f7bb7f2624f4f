import { fastifySwagger } from '@fastify/swagger';
import { type FastifySwaggerUiOptions, fastifySwaggerUi } from '@fastify/swagger-ui';
import type { FastifyReply } from 'fastify';
import { openapiOptions, servedAt } from '../plugins/openapi-document.ts';
import { ProblemSchema } from '../schemas/problem.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { registerGuides } from './guides.ts';

/** Serves Swagger UI. Must be registered before the routes that the document contains. */
export async function registerDocs(app: Server, { version }: HttpDependencies): Promise<void> {
  await app.register(fastifySwagger, openapiOptions(version));
  app.addSchema(ProblemSchema);
  registerGuides(app);
  await app.register(async (scope) => {
    scope.addHook('onSend', addViewport);
    await scope.register(fastifySwaggerUi, swaggerUiOptions);
  });
}

const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">';

/** Phones would show the page at the width of a desktop. */
async function addViewport(_request: unknown, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
  return isPage && typeof payload === 'string' ? payload.replace('<head>', `<head>${viewport}`) : payload;
}

/**
 * Hides "Try it out" where the document says so: Swagger UI would wait for the end of a stream.
 * Its source text is sent to the browser, so it must not refer to anything else.
 */
const tryItOutPlugin = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        allowTryItOutFor: () => (state: SwaggerState, path: string, method: string) =>
          state.getIn(['json', 'paths', path, method, 'x-try-it-out']) !== false,
      },
    },
  },
});

/** An Immutable.js map. */
type SwaggerState = { getIn(path: readonly string[]): unknown };

const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b4f6c"/>
<path d="M5 14q5.5-6 11 0t11 0M5 21q5.5-6 11 0t11 0" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>`;

// The pages load only from this server. Swagger UI needs inline styles.
const contentSecurityPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

const swaggerUiOptions: FastifySwaggerUiOptions = {
  routePrefix: '/docs',
  // Relative addresses: a proxy may add a prefix to the path.
  indexPrefix: '.',
  transformSpecification: (document) => servedAt('..', document),
  transformSpecificationClone: false,
  theme: {
    title: 'Tidemark API',
    favicon: [
      {
        filename: 'favicon.svg',
        rel: 'icon',
        type: 'image/svg+xml',
        sizes: 'any',
        content: Buffer.from(favicon),
      },
    ],
  },
  uiConfig: {
    layout: 'BaseLayout',
    deepLinking: true,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    validatorUrl: 'none',
    plugins: [tryItOutPlugin],
  },
  staticCSP: contentSecurityPolicy,
};
