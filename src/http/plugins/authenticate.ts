import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiKey, Scope } from '../api-key.ts';
import { Problem } from '../problem.ts';
import { isPublic } from './public-routes.ts';
import type { RateLimits } from './rate-limits.ts';
import { secretDigest } from './secret-digest.ts';
import type { VerifyToken } from './verify-token.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller needs; every route that is not public has one. */
    scope?: Scope;
  }
  interface FastifyRequest {
    /** Whose key the request carries, or `oidc:` and the subject of its token; empty on public routes. */
    callerName: string;
    /** The scopes of that key or token. */
    callerScopes: readonly Scope[];
  }
}

export type AuthOptions = {
  readonly keys: readonly ApiKey[];
  /** Where tokens of an issuer are accepted beside keys. */
  readonly verifyToken: VerifyToken | undefined;
  readonly limits: RateLimits;
};

/**
 * Lets a request through only with `Authorization: Bearer <secret>` of a key, or with a token, that has the scope of
 * the route. A route that is neither public nor names a scope stops the start.
 */
export function registerAuthentication(
  app: FastifyInstance,
  { keys, verifyToken, limits }: AuthOptions,
): void {
  const known = keys.map((key) => ({ ...key, digest: secretDigest(key.secret) }));
  app.decorateRequest('callerName', '');
  app.decorateRequest('callerScopes');
  // The one for all URLs is that of preflights, which carry no key; they are answered before this.
  app.addHook('onRoute', ({ url, config }) => {
    if (url !== '*' && !isPublic(url) && config?.scope === undefined)
      throw new Error(`Route ${url} names no scope`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { url, config } = request.routeOptions;
    if (request.is404 || isPublic(url, config.scope)) return;
    try {
      const { name, scopes } = await findCaller(known, verifyToken, bearerSecret(request));
      request.callerName = name;
      request.callerScopes = scopes;
    } catch (error) {
      await limits.count('address', request, reply);
      throw error;
    }
    await limits.count('key', request, reply);
    requireScope(request, config.scope ?? 'admin');
  });
}

/** Whether one of the scopes is the wanted one or includes it. */
export function grants(scopes: readonly Scope[], wanted: Scope): boolean {
  return scopes.some((scope) => ranks[scope] >= ranks[wanted]);
}

const ranks = { read: 1, write: 2, admin: 3 } as const satisfies Record<Scope, number>;

async function findCaller(
  keys: readonly KnownKey[],
  verifyToken: VerifyToken | undefined,
  secret: string,
): Promise<{ readonly name: string; readonly scopes: readonly Scope[] }> {
  const key = findKey(keys, secret);
  if (key !== undefined) return key;
  if (verifyToken !== undefined && /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(secret)) return verifyToken(secret);
  throw unauthenticated('The API key is not known.', ', error="invalid_token"');
}

// Compares with every key, whichever matches, so that the time taken says nothing about them.
function findKey(keys: readonly KnownKey[], secret: string): KnownKey | undefined {
  const wanted = secretDigest(secret);
  let found: KnownKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(key.digest, wanted)) found = key;
  }
  return found;
}

function bearerSecret(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) {
    throw unauthenticated('Send an API key as "Authorization: Bearer <key>".');
  }
  const secret = /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(header)?.[1];
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
  const who = name.startsWith('oidc:') ? `token of "${name.slice(5)}"` : `key "${name}"`;
  const challenge = `Bearer realm="tidemark", error="insufficient_scope", scope="${scope}"`;
  return new Problem('forbidden', `The ${who} lacks the scope "${scope}", which this needs.`, {
    headers: { 'www-authenticate': challenge },
  });
}

type KnownKey = ApiKey & { readonly digest: Buffer };
