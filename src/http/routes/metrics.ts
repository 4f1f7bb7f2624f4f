import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { type Metrics, nodeMetrics } from '../plugins/request-metrics.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { createMirrorMetrics } from '../views/mirror-metrics.ts';
import type { Counts } from '../views/read-counts.ts';

/** Public unless METRICS_PUBLIC is false. */
export function registerMetricsRoute(
  app: Server,
  dependencies: HttpDependencies,
  metrics: Metrics,
  readCounts: () => Promise<Counts>,
): void {
  const mirrorMetrics = createMirrorMetrics(dependencies, readCounts);
  const isPublic = dependencies.access?.publicMetrics !== false;
  const options = isPublic
    ? { schema: { ...schema, security: [] } }
    : { schema, config: { scope: 'read' as const } };
  app.get('/metrics', options, async (_request, reply) => {
    const all = Registry.merge([
      metrics.registry,
      dependencies.activity.registry,
      await mirrorMetrics(),
      nodeMetrics(),
    ]);
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await all.metrics());
  });
}

const schema = {
  operationId: 'getMetrics',
  summary: 'Get metrics for Prometheus',
  description:
    'Requests by key and route, stream, backlog, write-back, and process metrics in the Prometheus text format.',
  tags: ['Health'],
  querystring: NoParameters,
  response: {
    200: {
      description: 'The metrics.',
      content: { 'text/plain': { schema: Type.String() } },
    },
    ...problemResponses(),
  },
} as const;
