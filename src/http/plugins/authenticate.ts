import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ApiKey, type Scope, secretDigest } from '../api-key.ts';
import { Problem } from '../problem.ts';
import { isPublic } from './known-routes.ts';
import type { RateLimits } from './rate-limits.ts';
import type { VerifyToken } from './verify-token.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The required scope. A route without it must be public. */
    scope?: Scope;
  }
  interface FastifyRequest {
    /** The name of the API key, or `oidc:` and the subject of the token; empty on public routes. */
    callerName: string;
    /** The scopes of the API key or token. */
    callerScopes: readonly Scope[];
  }
}

export type AuthOptions = {
  readonly keys: readonly ApiKey[];
  /** If present, tokens of an OpenID Connect issuer are accepted in addition to API keys. */
  readonly verifyToken: VerifyToken | undefined;
  readonly limits: RateLimits;
};

/**
 * Requires an `Authorization: Bearer` header with the secret of an API key, or with a token, that has the scope of the
 * route. Throws at startup if a route is neither public nor has a scope.
 */
export function registerAuthentication(
  app: FastifyInstance,
  { keys, verifyToken, limits }: AuthOptions,
): void {
  const knownKeys = keys.map((key) => ({ ...key, digest: secretDigest(key.secret) }));
  app.decorateRequest('callerName', '');
  app.decorateRequest('callerScopes');
  // @fastify/cors registers `*` for preflights, which have no key and are handled earlier.
  app.addHook('onRoute', ({ url, config }) => {
    if (url !== '*' && !isPublic(url) && config?.scope === undefined)
      throw new Error(`Route ${url} has no scope`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { url, config } = request.routeOptions;
    if (request.is404 || isPublic(url, config.scope)) return;
    try {
      const { name, scopes } = await findCaller(knownKeys, verifyToken, bearerSecret(request));
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

/** Whether one of the scopes is or includes the required scope. */
export function grants(scopes: readonly Scope[], required: Scope): boolean {
  return scopes.some((scope) => ranks[scope] >= ranks[required]);
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
  throw unauthenticated('The API key is unknown.', ', error="invalid_token"');
}

// Compares with every key, so that the duration reveals nothing about them.
function findKey(keys: readonly KnownKey[], secret: string): KnownKey | undefined {
  const digest = secretDigest(secret);
  let found: KnownKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(key.digest, digest)) found = key;
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
    throw unauthenticated(
      'The Authorization header must have the form "Bearer <key>".',
      ', error="invalid_request"',
    );
  }
  return secret;
}

function unauthenticated(detail: string, challenge = ''): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': `Bearer realm="tidemark"${challenge}` },
  });
}

/** @throws Problem 403 if the caller lacks the scope */
export function requireScope({ callerName, callerScopes }: FastifyRequest, scope: Scope): void {
  if (grants(callerScopes, scope)) return;
  const caller = callerName.startsWith('oidc:') ? `token of "${callerName.slice(5)}"` : `key "${callerName}"`;
  const challenge = `Bearer realm="tidemark", error="insufficient_scope", scope="${scope}"`;
  throw new Problem('forbidden', `The ${caller} lacks the scope "${scope}", which this operation requires.`, {
    headers: { 'www-authenticate': challenge },
  });
}

type KnownKey = ApiKey & { readonly digest: Buffer };
