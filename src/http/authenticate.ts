import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKey, Scope } from './dependencies.ts';
import { Problem } from './problem.ts';
import { isPublic } from './public-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller needs; every route that is not public has one. */
    scope?: Scope;
  }
  interface FastifyRequest {
    /** Whose key the request carries; empty on public routes. */
    callerName: string;
    /** The scopes of that key. */
    callerScopes: readonly Scope[];
  }
}

/**
 * Lets a request through only with `Authorization: Bearer <secret>` of a key that has the scope of the route.
 * A route that is neither public nor names a scope stops the start.
 */
export function addAuthentication(app: FastifyInstance, keys: readonly ApiKey[]): void {
  const known = keys.map((key) => ({ ...key, digest: digest(key.secret) }));
  app.decorateRequest('callerName', '');
  app.decorateRequest('callerScopes');
  app.addHook('onRoute', ({ url, config }) => {
    if (!isPublic(url) && config?.scope === undefined) throw new Error(`Route ${url} names no scope`);
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404 || isPublic(request.routeOptions.url)) return;
    const key = findKey(known, bearerSecret(request));
    const scope = request.routeOptions.config.scope ?? 'admin';
    if (!grants(key.scopes, scope)) throw missingScope(key.name, scope);
    request.callerName = key.name;
    request.callerScopes = key.scopes;
  });
}

/** Whether one of the scopes is the wanted one or includes it. */
export function grants(scopes: readonly Scope[], wanted: Scope): boolean {
  return scopes.some((scope) => ranks[scope] >= ranks[wanted]);
}

const ranks = { read: 1, write: 2, admin: 3 } as const satisfies Record<Scope, number>;

// Compares with every key, whichever matches, so that the time taken says nothing about them.
function findKey(keys: readonly KnownKey[], secret: string): KnownKey {
  const wanted = digest(secret);
  let found: KnownKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(key.digest, wanted)) found = key;
  }
  if (found === undefined) throw unauthenticated('The API key is not known.', ', error="invalid_token"');
  return found;
}

function bearerSecret(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw unauthenticated('Send an API key as "Authorization: Bearer <key>".');
  }
  const secret = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header)?.[1];
  if (secret === undefined) {
    throw unauthenticated('The Authorization header must read "Bearer <key>".', ', error="invalid_request"');
  }
  return secret;
}

function unauthenticated(detail: string, challenge = ''): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': `Bearer realm="tidemark"${challenge}` },
  });
}

/** @throws Problem 403 where the caller's key lacks a scope that only part of an operation needs */
export function requireScope(request: FastifyRequest, scope: Scope): void {
  if (!grants(request.callerScopes, scope)) throw missingScope(request.callerName, scope);
}

function missingScope(name: string, scope: Scope): Problem {
  const challenge = `Bearer realm="tidemark", error="insufficient_scope", scope="${scope}"`;
  return new Problem('forbidden', `The key "${name}" lacks the scope "${scope}", which this needs.`, {
    headers: { 'www-authenticate': challenge },
  });
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

type KnownKey = ApiKey & { readonly digest: Buffer };
