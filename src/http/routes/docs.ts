import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import { openapiOptions } from '../plugins/openapi-document.ts';
import { ProblemSchema } from '../schemas/problem.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

/** Serves Swagger UI. Must be registered before the routes that the document contains. */
export async function registerDocs(app: Server, { version }: HttpDependencies): Promise<void> {
  await app.register(fastifySwagger, openapiOptions(version));
  app.addSchema(ProblemSchema);
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Tidemark API' },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      displayRequestDuration: true,
      persistAuthorization: false,
      tryItOutEnabled: true,
      validatorUrl: 'none',
    },
    staticCSP: contentSecurityPolicy,
  });
}

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
