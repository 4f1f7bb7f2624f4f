import type { FastifyInstance } from 'fastify';

/** Collects the routes as they are added, so that a wrong method can be told from an unknown URL. */
export function collectRoutes(app: FastifyInstance): KnownRoutes {
  const routes = new Map<string, KnownRoute>();
  app.addHook('onRoute', ({ url, method }) => {
    // Of preflights: there is no less a 404 for it.
    if (url === '*') return;
    const route = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
    for (const name of [method].flat()) route.methods.add(name);
    routes.set(url, route);
  });
  return routes;
}

/** The methods that a path answers to, in alphabetical order; none if it is unknown. Every known one answers OPTIONS. */
export function allowedMethods(routes: KnownRoutes, path: string): string[] {
  const methods = [...routes]
    // A route for whatever there is knows no URL.
    .filter(([url, { pattern }]) => url !== '*' && pattern.test(path))
    .flatMap(([, route]) => [...route.methods]);
  return methods.length === 0 ? [] : [...new Set([...methods, 'OPTIONS'])].sort();
}

function toPattern(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replaceAll('.', '\\.')))
    .join('/');
  return new RegExp(`^${source}$`);
}

export type KnownRoutes = ReadonlyMap<string, KnownRoute>;

type KnownRoute = { readonly pattern: RegExp; readonly methods: Set<string> };
