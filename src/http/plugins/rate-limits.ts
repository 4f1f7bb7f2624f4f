import { fastifyRateLimit } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { isPublic } from './known-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The rate limit of a public route; defaults to `address`. */
    limit?: 'webhook';
  }
}

/** Requests per minute; 0 means unlimited. */
export type RateLimitOptions = {
  /** Per API key, or per subject of tokens. */
  readonly perKey: number;
  /** Per address, for requests without a valid key. */
  readonly perAddress: number;
  /** Per address, for routes with `limit: 'webhook'`. */
  readonly perWebhookAddress: number;
};

/**
 * - `key`: requests with a valid key, by its name
 * - `address`: requests without a valid key, by address: public, unknown and unauthenticated
 * - `webhook`: webhooks, by address
 */
export type RateLimitPolicy = 'key' | 'address' | 'webhook';

export type RateLimits = {
  /**
   * Counts a request and sets the RateLimit headers.
   * @throws Problem 429 if the limit is exceeded
   */
  count(policy: RateLimitPolicy, request: FastifyRequest, reply: FastifyReply): Promise<void>;
};

// The plugin tracks the 5,000 most recently seen callers per limit.
const windowSeconds = 60;

/**
 * Counts public requests here; authentication counts the others. A valid key has its own limit: invalid keys from the
 * same address or proxy must not block it.
 */
export async function registerRateLimits(
  app: FastifyInstance,
  limits: RateLimitOptions = unlimited,
  onLimited: (policy: RateLimitPolicy) => void = () => {},
): Promise<RateLimits> {
  await app.register(fastifyRateLimit, { global: false });
  const counters = {
    key: createCounter(app, limits.perKey, (request) => request.callerName),
    address: createCounter(app, limits.perAddress),
    webhook: createCounter(app, limits.perWebhookAddress),
  };
  const count: RateLimits['count'] = async (policy, request, reply) => {
    const result = await counters[policy]?.(request);
    if (result === undefined || result.isAllowed) return;
    reply.header('ratelimit-policy', `"${policy}";q=${result.max};w=${windowSeconds}`);
    reply.header('ratelimit', `"${policy}";r=${result.remaining};t=${result.ttlInSeconds}`);
    if (!result.isExceeded) return;
    onLimited(policy);
    const detail = `The limit of ${result.max} requests per minute is reached; it resets in ${result.ttlInSeconds} s.`;
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

/** Undefined for routes with a key, and for health checks, which are not counted. */
function publicPolicy({
  is404,
  method,
  routeOptions: { url, config },
}: FastifyRequest): RateLimitPolicy | undefined {
  if (is404 || method === 'OPTIONS') return 'address';
  if (config.limit !== undefined) return config.limit;
  return isPublic(url, config.scope) && url?.startsWith('/health/') === false ? 'address' : undefined;
}

function createCounter(
  app: FastifyInstance,
  max: number,
  keyGenerator?: (request: FastifyRequest) => string,
) {
  if (max === 0) return undefined;
  return app.createRateLimit({
    max,
    timeWindow: windowSeconds * 1_000,
    ...(keyGenerator && { keyGenerator }),
  });
}
