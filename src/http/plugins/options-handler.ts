import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unknownUrl } from './error-handler.ts';
import { allowedMethods, type KnownRoutes } from './known-routes.ts';

/**
 * Tells which methods a URL answers to. It says nothing that the description of the API does not, so no key is needed.
 * What browsers ask before a request from another site is answered elsewhere where pages are let in; goes before that,
 * which would refuse every other OPTIONS.
 */
export function answerOptions(app: FastifyInstance, routes: KnownRoutes, letsPagesIn: boolean): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'OPTIONS' || (letsPagesIn && isPreflight(request))) return done();
    const methods = allowedMethods(routes, request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) throw unknownUrl(request, routes);
    void reply.code(204).header('allow', methods.join(', ')).send();
  });
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
