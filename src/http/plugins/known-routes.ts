import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';

export type KnownRoutes = ReadonlyMap<string, KnownRoute>;

type KnownRoute = { readonly pattern: RegExp; readonly methods: Set<string> };

/** Collects all routes, to distinguish an unsupported method from an unknown URL. */
export function collectRoutes(app: FastifyInstance): KnownRoutes {
  const routes = new Map<string, KnownRoute>();
  app.addHook('onRoute', ({ url, method }) => {
    // @fastify/cors registers `*` for preflights.
    if (url === '*') return;
    const route = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });
  return routes;
}

function toPattern(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replaceAll('.', '\\.')))
    .join('/');
  return new RegExp(`^${source}$`);
}

/** The methods of a URL in alphabetical order, always including OPTIONS; empty if the URL is unknown. */
function allowedMethods(routes: KnownRoutes, { url }: FastifyRequest): string[] {
  const path = url.split('?', 1)[0] ?? '';
  const methods = [...routes.values()]
    .filter(({ pattern }) => pattern.test(path))
    .flatMap((route) => [...route.methods]);
  return methods.length === 0 ? [] : [...new Set([...methods, 'OPTIONS'])].sort();
}

/** 405 if the URL supports other methods, otherwise 404. */
export function unknownRouteProblem(request: FastifyRequest, routes: KnownRoutes): Problem {
  const methods = allowedMethods(routes, request);
  // A file of the console or of the documentation that does not exist has a route, too.
  if (methods.length === 0 || methods.includes(request.method))
    return new Problem('not-found', 'Not found; see /docs for all URLs.');
  const allow = methods.join(', ');
  return new Problem('method-not-allowed', `This URL supports ${allow}.`, { headers: { allow } });
}

/**
 * Responds to OPTIONS with the allowed methods, without authentication: they are documented anyway. With CORS,
 * preflights are left to @fastify/cors, which must be registered later: it rejects every other OPTIONS.
 */
export function registerOptionsHandler(app: FastifyInstance, routes: KnownRoutes, hasCors: boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'OPTIONS' || (hasCors && isPreflight(request))) return done();
    const methods = allowedMethods(routes, request);
    if (methods.length === 0) throw unknownRouteProblem(request, routes);
    void reply.code(204).header('allow', methods.join(', ')).send();
  });
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** Routes without an API key. Add only routes that reveal no data. */
const publicRoutes: readonly string[] = [
  '/',
  '/health/live',
  '/health/ready',
  '/openapi.json',
  '/docs',
  '/metrics',
  // Webhooks authenticate their senders differently.
  '/webhooks/change-events',
  '/webhooks/outbound-messages',
  '/webhooks/outbound-messages/:secret',
];

/** Whether a route, identified by its URL pattern, needs no API key. A route with a scope always needs one. */
export function isPublic(route: string | undefined, scope?: string): boolean {
  return (
    scope === undefined &&
    route !== undefined &&
    (publicRoutes.includes(route) || /^\/(?:docs|assets)\//.test(route))
  );
}
