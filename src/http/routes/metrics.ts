import { Registry } from 'prom-client';
import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { type Metrics, nodeMetrics } from '../plugins/request-metrics.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import type { Server } from '../server-type.ts';
import { mirrorMetrics } from '../views/mirror-metrics.ts';

/** In Prometheus' text form. Public by itself; for those with a key where METRICS_PUBLIC says so. */
export function registerMetricsRoute(app: Server, dependencies: HttpDependencies, metrics: Metrics): void {
  const readMirror = mirrorMetrics(dependencies);
  const isPublic = dependencies.access?.publicMetrics !== false;
  const options = isPublic
    ? { schema: { ...schema, security: [] } }
    : { schema, config: { scope: 'read' as const } };
  app.get('/metrics', options, async (_request, reply) => {
    const all = Registry.merge([metrics.registry, await readMirror(), nodeMetrics()]);
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await all.metrics());
  });
}

const schema = {
  operationId: 'getMetrics',
  summary: 'Get metrics for Prometheus',
  description: 'Requests by key and route, the stream, the backlog, the write-back, and the process.',
  tags: ['Health'],
  querystring: NoParameters,
  response: {
    200: {
      description: "Prometheus' text format.",
      content: { 'text/plain': { schema: Type.String() } },
    },
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;
