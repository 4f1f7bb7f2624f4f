import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For long-lived streams, which have their own limits. */
    exemptFromConcurrencyLimit?: true;
  }
}

export type LoadLimits = {
  /** Requests are rejected when a timer is this late twice in a row. */
  readonly maxLatenessMs: number;
  /** Concurrent requests of all callers, except those with `exemptFromConcurrencyLimit`. */
  readonly maxInFlight: number;
  readonly maxInFlightPerCaller: number;
};

const pollIntervalMs = 500;

/**
 * Responds with 503 while the event loop is overloaded, so that mirroring has priority. Must be registered before
 * expensive hooks. Health checks and metrics are exempt.
 */
export function shedLoad(app: FastifyInstance, limits: LoadLimits | undefined, onShed: () => void): void {
  if (limits === undefined) return;
  const lateness = measureLateness(app);
  app.addHook('onRequest', ({ routeOptions: { url } }, _reply, done) => {
    if (isMonitoring(url) || lateness() < limits.maxLatenessMs) return done();
    onShed();
    throw overloaded();
  });
}

/**
 * Limits concurrent requests in total and per caller. Must be registered after all hooks that reject requests: rejected
 * requests do not count.
 */
export function limitConcurrency(
  app: FastifyInstance,
  limits: LoadLimits | undefined,
  onShed: () => void,
): void {
  if (limits === undefined) return;
  const byCaller = new Map<string, number>();
  let all = 0;
  app.addHook('onRequest', ({ callerName, ip, routeOptions: { url, config } }, reply, done) => {
    if (isMonitoring(url) || config.exemptFromConcurrencyLimit) return done();
    // Requests without a key count by address: slow webhook bodies must not use up the total limit.
    const caller = callerName === '' ? `address ${ip}` : callerName;
    const own = byCaller.get(caller) ?? 0;
    if (own >= limits.maxInFlightPerCaller) {
      const detail = `The limit of ${limits.maxInFlightPerCaller} concurrent requests is reached.`;
      throw new Problem('too-many-requests', detail, { headers: { 'retry-after': '1' } });
    }
    if (all >= limits.maxInFlight) {
      onShed();
      throw overloaded();
    }
    all += 1;
    byCaller.set(caller, own + 1);
    releaseOnClose(reply.raw, () => {
      all -= 1;
      const left = (byCaller.get(caller) ?? 1) - 1;
      if (left === 0) byCaller.delete(caller);
      else byCaller.set(caller, left);
    });
    done();
  });
}

function isMonitoring(url: string | undefined): boolean {
  return url === '/metrics' || url?.startsWith('/health/') === true;
}

function overloaded(): Problem {
  return new Problem('unavailable', 'The service is overloaded.', {
    headers: { 'retry-after': '2' },
  });
}

/** Measures the smaller lateness of the last two timers: a single long pause is not an overload. */
function measureLateness(app: FastifyInstance): () => number {
  let [previous, last] = [0, 0];
  let due = performance.now() + pollIntervalMs;
  const timer = setInterval(() => {
    const now = performance.now();
    [previous, last] = [last, now - due];
    due = now + pollIntervalMs;
  }, pollIntervalMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  return () => Math.min(previous, last);
}

/** Calls `release` when the response closes: immediately if the client has already disconnected. */
export function releaseOnClose(response: ServerResponse, release: () => void): void {
  if (response.closed) release();
  else response.once('close', release);
}
