import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Policy } from './rate-limits.ts';

/** What the process counts about its HTTP side; one set for each server. */
export type Metrics = {
  readonly registry: Registry;
  limited(policy: Policy): void;
  shed(): void;
};

// Of the process, not of a server: their observers are never taken off again.
let ofNode: Registry | undefined;

export function nodeMetrics(): Registry {
  if (ofNode === undefined) {
    ofNode = new Registry();
    collectDefaultMetrics({ register: ofNode });
  }
  return ofNode;
}

/**
 * Counts requests by key and measures them by route. Labels take few values: names of keys, patterns of routes; the
 * callers with tokens count as one.
 */
export function registerMetrics(app: FastifyInstance): Metrics {
  const registry = new Registry();
  const requests = new Counter({
    name: 'tidemark_api_requests_total',
    help: 'Requests by the key they carried; empty without a valid key, oidc for all tokens.',
    labelNames: ['key', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'tidemark_http_request_duration_seconds',
    help: 'From the arrival of the headers to the end of the answer, streams left out.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const limited = new Counter({
    name: 'tidemark_rate_limited_total',
    help: 'Requests answered 429, by the limit that they met.',
    labelNames: ['limit'],
    registers: [registry],
  });
  const shed = new Counter({
    name: 'tidemark_shed_requests_total',
    help: 'Requests answered 503 because the process had too much to do.',
    registers: [registry],
  });
  const streams = new Gauge({
    name: 'tidemark_http_requests_in_flight',
    help: 'Requests that have no whole answer yet, streams included.',
    registers: [registry],
  });
  app.addHook('onRequest', (_request, reply, done) => {
    streams.inc();
    reply.raw.once('close', () => streams.dec());
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
