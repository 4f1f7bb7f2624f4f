import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';
import { onceClosed } from './once-closed.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Streams that have limits of their own, and for hours no whole answer: they take none of the room of requests. */
    exemptFromConcurrencyLimit?: true;
  }
}

export type LoadLimits = {
  /** How late a timer may be, twice in a row, before requests are refused. */
  readonly lateMs: number;
  /** Requests that have no whole answer yet, but for streams with `exemptFromConcurrencyLimit`: of all callers, and of one. */
  readonly inFlight: number;
  readonly inFlightOfOne: number;
};

const pollIntervalMs = 500;

/**
 * Answers 503 while the process has too much to do, so that what it owes to the mirror is done first. Goes before
 * whatever costs something. Probes and metrics are answered whatever happens: whoever watches has to see it.
 */
export function shedLoad(app: FastifyInstance, limits: LoadLimits | undefined, onShed: () => void): void {
  if (limits === undefined) return;
  const lateness = watchLateness(app);
  app.addHook('onRequest', ({ routeOptions: { url } }, _reply, done) => {
    if (isWatched(url) || lateness() < limits.lateMs) return done();
    onShed();
    throw overloaded();
  });
}

/**
 * Lets only so many requests in at a time, and so few of one caller that there is room for others. Goes behind
 * whatever refuses requests: what is refused takes no room, however long its answer waits for those before it.
 */
export function limitConcurrency(
  app: FastifyInstance,
  limits: LoadLimits | undefined,
  onShed: () => void,
): void {
  if (limits === undefined) return;
  const ofCallers = new Map<string, number>();
  let all = 0;
  app.addHook('onRequest', ({ callerName, ip, routeOptions: { url, config } }, reply, done) => {
    if (isWatched(url) || config.exemptFromConcurrencyLimit) return done();
    // Whoever needs no key is known by address: bodies of webhooks that never end shall not take all the room.
    const caller = callerName === '' ? `address ${ip}` : callerName;
    const ofThis = ofCallers.get(caller) ?? 0;
    if (ofThis >= limits.inFlightOfOne) throw tooManyAtOnce(limits.inFlightOfOne);
    if (all >= limits.inFlight) {
      onShed();
      throw overloaded();
    }
    all += 1;
    ofCallers.set(caller, ofThis + 1);
    onceClosed(reply.raw, () => {
      all -= 1;
      const left = (ofCallers.get(caller) ?? 1) - 1;
      if (left === 0) ofCallers.delete(caller);
      else ofCallers.set(caller, left);
    });
    done();
  });
}

function isWatched(url: string | undefined): boolean {
  return url === '/metrics' || url?.startsWith('/health/') === true;
}

function overloaded(): Problem {
  return new Problem('unavailable', 'There is too much to do at the moment.', {
    headers: { 'retry-after': '2' },
  });
}

function tooManyAtOnce(most: number): Problem {
  return new Problem('too-many-requests', `At most ${most} requests at a time.`, {
    headers: { 'retry-after': '1' },
  });
}

/** The lesser lateness of the last two looks: one long pause alone is no overload. */
function watchLateness(app: FastifyInstance): () => number {
  let [before, last] = [0, 0];
  let due = performance.now() + pollIntervalMs;
  const timer = setInterval(() => {
    const now = performance.now();
    [before, last] = [last, now - due];
    due = now + pollIntervalMs;
  }, pollIntervalMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  return () => Math.min(before, last);
}
