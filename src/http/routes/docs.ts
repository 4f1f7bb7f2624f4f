import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { HttpDependencies } from '../dependencies.ts';
import { describeApi } from '../plugins/openapi-document.ts';
import { ProblemSchema } from '../schemas/problem.ts';
import type { Server } from '../server-type.ts';

/** Serves pages made from the description of the API. Must come before the routes that it describes. */
export async function registerDocs(app: Server, { version }: HttpDependencies): Promise<void> {
  await app.register(fastifySwagger, describeApi(version));
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

// The pages load from this server alone. Swagger UI styles elements one by one, hence the inline styles.
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
