import { fastifyRateLimit } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { isPublic } from './public-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which limit a public route counts in where it is not the one of addresses. */
    limit?: 'webhook';
  }
}

/** Requests a minute; 0 is no limit. */
export type RateLimitOptions = {
  /** Of one API key, or of one subject of tokens. */
  readonly perKey: number;
  /** Of one address, without a valid key. */
  readonly perAddress: number;
  /** Of one address, to a route with `limit: 'webhook'`. */
  readonly perWebhookAddress: number;
};

/**
 * - `key`: requests with a valid key, by its name
 * - `address`: requests without one, by address: what is public, what is unknown, what is refused for want of a key
 * - `webhook`: deliveries, by address
 */
export type Policy = 'key' | 'address' | 'webhook';

export type RateLimits = {
  /**
   * Counts a request and says in headers what is left.
   * @throws Problem 429 when nothing is left
   */
  count(policy: Policy, request: FastifyRequest, reply: FastifyReply): Promise<void>;
};

// The plugin remembers 5,000 callers for each limit; beyond it the one seen longest ago is forgotten and begins anew.
const windowSeconds = 60;

/**
 * Counts what needs no key; what needs one is counted by whoever checks it. A valid key is let through whatever its
 * address has done: wrong keys sent from beside it, or through the same proxy, must not shut it out.
 */
export async function registerRateLimits(
  app: FastifyInstance,
  limits: RateLimitOptions = unlimited,
  onLimited: (policy: Policy) => void = () => {},
): Promise<RateLimits> {
  await app.register(fastifyRateLimit, { global: false });
  const counters = {
    key: counterOf(app, limits.perKey, (request) => request.callerName),
    address: counterOf(app, limits.perAddress),
    webhook: counterOf(app, limits.perWebhookAddress),
  };
  const count: RateLimits['count'] = async (policy, request, reply) => {
    const result = await counters[policy]?.(request);
    if (result === undefined || result.isAllowed) return;
    reply.header('ratelimit-policy', `"${policy}";q=${result.max};w=${windowSeconds}`);
    reply.header('ratelimit', `"${policy}";r=${result.remaining};t=${result.ttlInSeconds}`);
    if (!result.isExceeded) return;
    onLimited(policy);
    const detail = `At most ${result.max} requests a minute; ${result.ttlInSeconds} s are left of this one.`;
    throw new Problem('too-many-requests', detail, {
      headers: { 'retry-after': String(result.ttlInSeconds) },
    });
  };
  app.addHook('onRequest', (request, reply, done) => {
    const policy = publicPolicy(request);
    if (policy === undefined) return done();
    count(policy, request, reply).then(() => done(), done);
  });
  return { count };
}

const unlimited: RateLimitOptions = { perKey: 0, perAddress: 0, perWebhookAddress: 0 };

/** Undefined where a key is needed, and where nothing is counted: for probes and the documentation. */
function publicPolicy({ is404, routeOptions: { url, config } }: FastifyRequest): Policy | undefined {
  if (is404) return 'address';
  if (config.limit !== undefined) return config.limit;
  const exempt = url?.startsWith('/health/') || url?.startsWith('/docs');
  return isPublic(url, config.scope) && !exempt ? 'address' : undefined;
}

function counterOf(app: FastifyInstance, max: number, keyGenerator?: (request: FastifyRequest) => string) {
  if (max === 0) return undefined;
  return app.createRateLimit({
    max,
    timeWindow: windowSeconds * 1_000,
    ...(keyGenerator && { keyGenerator }),
  });
}
