import type { FastifyInstance } from 'fastify';

/**
 * Sets the headers that every response has, in one hook: they are the same for all responses except for the request id
 * and `Cache-Control`.
 */
export function registerResponseHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders);
    reply.header('x-request-id', request.id);
    if (!/^\/(?:docs|assets\/)/.test(request.routeOptions.url ?? ''))
      reply.header('cache-control', 'no-store');
    done();
  });
}

// Responses are data: a browser that displays one must not load or run anything.
const contentSecurityPolicy = "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'";

const securityHeaders = Object.freeze({
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  // On every response: one that is not compressed might be for another client.
  vary: 'accept-encoding',
});
