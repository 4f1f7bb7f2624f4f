import { Type } from 'typebox';
import type { SendConsole } from '../plugins/console-pages.ts';
import { servedAt } from '../plugins/openapi-document.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { publicProblemResponses } from '../schemas/problem.ts';
import { JsonObject } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

/** Links to the entry points of the API, and its OpenAPI document. */
export function registerRootRoutes(
  app: Server,
  { version, simulatorUrl }: HttpDependencies,
  sendConsole: SendConsole,
): void {
  const present = simulatorUrl === undefined ? links : { ...links, simulator: 'simulator' };
  app.get('/', { schema: rootSchema }, async (request, reply) =>
    sendConsole(request, reply) ? reply : { name: 'Tidemark', version, links: present },
  );
  app.get('/openapi.json', { schema: descriptionSchema }, async () => ({
    ...servedAt('.', app.swagger()),
  }));
}

const links = {
  documentation: 'docs',
  description: 'openapi.json',
  accounts: 'v1/accounts',
  events: 'v1/events',
  resyncs: 'v1/resyncs',
  status: 'v1/status',
  liveness: 'health/live',
  readiness: 'health/ready',
};

const rootSchema = {
  operationId: 'getLinks',
  summary: 'Get links to all resources',
  description: 'With `Accept: text/html`, as browsers send it, the web console.',
  tags: ['Documentation'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object(
      { name: Type.String(), version: Type.String(), links: Type.Record(Type.String(), Type.String()) },
      { description: 'URLs relative to this one.' },
    ),
    ...publicProblemResponses('invalid-request'),
  },
} as const;

const descriptionSchema = {
  operationId: 'getDescription',
  summary: 'Get the OpenAPI document',
  tags: ['Documentation'],
  security: [],
  querystring: NoParameters,
  response: {
    200: JsonObject({ description: 'The OpenAPI 3.1 document.' }),
    ...publicProblemResponses('invalid-request'),
  },
} as const;
