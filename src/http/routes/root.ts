import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { JsonObject } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';

/** The way to everything, for who arrives with nothing but the address. */
export function registerRootRoutes(app: Server, { version }: HttpDependencies): void {
  app.get('/', { schema: rootSchema }, async () => ({ name: 'Tidemark', version, links }));
  app.get('/openapi.json', { schema: descriptionSchema }, async () => ({ ...app.swagger() }));
}

const links = {
  documentation: '/docs',
  description: '/openapi.json',
  accounts: '/v1/accounts',
  events: '/v1/events',
  resyncs: '/v1/resyncs',
  status: '/v1/status',
  liveness: '/health/live',
  readiness: '/health/ready',
};

const rootSchema = {
  operationId: 'getLinks',
  summary: 'Get the way to everything',
  tags: ['Documentation'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object(
      {
        name: Type.String(),
        version: Type.String(),
        links: Type.Record(Type.String(), Type.String()),
      },
      { description: 'Paths on this server.' },
    ),
    ...problemResponses('invalid-request'),
  },
} as const;

const descriptionSchema = {
  operationId: 'getDescription',
  summary: 'Get this description',
  tags: ['Documentation'],
  security: [],
  querystring: NoParameters,
  response: {
    200: JsonObject({ description: 'An OpenAPI 3.1 document.' }),
    ...problemResponses('invalid-request'),
  },
} as const;
