import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { RateLimitPolicy } from './rate-limits.ts';

/** HTTP metrics; each server has its own registry. */
export type Metrics = {
  readonly registry: Registry;
  limited(policy: RateLimitPolicy): void;
  shed(): void;
};

// One per process: the observers cannot be removed.
let processRegistry: Registry | undefined;

export function nodeMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
    // Gauges with the suffix of a counter; the metrics by type contain the same.
    for (const kind of ['handles', 'requests', 'resources'])
      processRegistry.removeSingleMetric(`nodejs_active_${kind}_total`);
  }
  return processRegistry;
}

/** Counts requests by key and measures them by route. All callers with tokens share one label, to limit cardinality. */
export function registerMetrics(app: FastifyInstance): Metrics {
  const registry = new Registry();
  const requests = new Counter({
    name: 'tidemark_http_requests_total',
    help: 'Requests by API key; empty without a valid key, oidc for all tokens.',
    labelNames: ['key', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'tidemark_http_request_duration_seconds',
    help: 'Time from the headers to the end of the response, without streams.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const limited = new Counter({
    name: 'tidemark_http_rate_limited_requests_total',
    help: 'Requests rejected with 429, by limit.',
    labelNames: ['limit'],
    registers: [registry],
  });
  const shed = new Counter({
    name: 'tidemark_http_shed_requests_total',
    help: 'Requests rejected with 503 because of overload.',
    registers: [registry],
  });
  let inFlight = 0;
  new Gauge({
    name: 'tidemark_http_requests_in_flight',
    help: 'Requests without a complete response, including streams.',
    registers: [registry],
    collect() {
      this.set(inFlight);
    },
  });
  app.addHook('onRequest', (_request, reply, done) => {
    inFlight += 1;
    reply.raw.once('close', () => {
      inFlight -= 1;
    });
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const status = String(reply.statusCode);
    requests.inc({ key: keyLabel(request.callerName), status });
    if (String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream')) return done();
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    seconds.observe({ method: request.method, route, status }, reply.elapsedTime / 1_000);
    done();
  });
  return { registry, limited: (policy) => limited.inc({ limit: policy }), shed: () => shed.inc() };
}

function keyLabel(callerName: string): string {
  return callerName.startsWith('oidc:') ? 'oidc' : callerName;
}
