import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ApiError, resourceNotFound } from './api-error.ts';

/** The response for a path outside the REST API: the errors of an API, or the page of the user interface. */
export const sendNotFound = async (request: FastifyRequest, reply: FastifyReply) => {
  reply.code(404);
  if (request.url.startsWith('/services/')) {
    const { errorCode, message } = resourceNotFound();
    return reply.send([{ errorCode, message }]);
  }
  return reply.type('text/html;charset=UTF-8').send(PAGE);
};

/** Refuses REST requests without a route: METHOD_NOT_ALLOWED if the path has other methods, otherwise NOT_FOUND. */
export const refuseUnknownRoutes = (app: FastifyInstance): void => {
  const routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ method, url }: RouteOptions) => {
    const path = new RegExp(`^${url.replace(/\/$/, '').replaceAll(/:[^/]+/g, '[^/]+')}/?$`);
    routes.push({ path, methods: [method].flat() });
  });
  app.setNotFoundHandler(async ({ method, url }, reply) => {
    const [path = ''] = url.split('?');
    const allowed = new Set(
      routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods),
    );
    if (allowed.size === 0) throw resourceNotFound();
    const names = [...allowed].sort().join(',');
    reply.header('Allow', names);
    const message = `HTTP Method '${method}' not allowed. Allowed are ${names}`;
    throw new ApiError(405, 'METHOD_NOT_ALLOWED', message);
  });
};

const PAGE = `<!DOCTYPE html><html><head><title>URL No Longer Exists</title></head><body>
<h1>URL No Longer Exists</h1>
<p>You have attempted to reach a URL that no longer exists on salesforce.com.</p>
</body></html>
`;
