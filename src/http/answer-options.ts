import type { FastifyInstance } from 'fastify';
import { allowedMethods, type KnownRoutes } from './known-routes.ts';

/**
 * Tells which methods a URL answers to. It says nothing that the description of the API does not, so no key is needed.
 * What browsers ask before a request from another site is answered elsewhere, if at all.
 */
export function answerOptions(app: FastifyInstance, routes: KnownRoutes): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'OPTIONS') return undefined;
    const methods = allowedMethods(routes, request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return undefined;
    return reply.code(204).header('allow', methods.join(', ')).send();
  });
}
