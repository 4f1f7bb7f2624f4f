import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

export type LoadLimits = {
  /** How late a timer may be, twice in a row, before requests are refused. */
  readonly lateMs: number;
  /** Requests that have no whole answer yet, streams among them: of all callers, and of one. */
  readonly inFlight: number;
  readonly inFlightOfOne: number;
};

const lookEveryMs = 500;

/**
 * Answers 503 while the process has too much to do, so that what it owes to the mirror is done first. Probes and
 * metrics are answered whatever happens: whoever watches has to see it.
 */
export function shedLoad(app: FastifyInstance, limits: LoadLimits | undefined, onShed: () => void): void {
  if (limits === undefined) return;
  const lateness = watchLateness(app);
  let inFlight = 0;
  app.addHook('onRequest', async ({ routeOptions: { url } }, reply) => {
    if (url?.startsWith('/health/') || url === '/metrics') return;
    if (inFlight >= limits.inFlight || lateness() >= limits.lateMs) {
      onShed();
      reply.header('connection', 'close');
      throw new Problem('unavailable', 'There is too much to do at the moment.', {
        headers: { 'retry-after': '2' },
      });
    }
    inFlight += 1;
    reply.raw.once('close', () => {
      inFlight -= 1;
    });
  });
}

/**
 * Keeps one caller from taking all the room there is. Goes behind whatever finds out who calls.
 * @throws Problem 429
 */
export function shareRoom(app: FastifyInstance, limits: LoadLimits | undefined): void {
  if (limits === undefined) return;
  const inFlight = new Map<string, number>();
  app.addHook('onRequest', async ({ callerName }, reply) => {
    if (callerName === '') return;
    const others = inFlight.get(callerName) ?? 0;
    if (others >= limits.inFlightOfOne) {
      const detail = `At most ${limits.inFlightOfOne} requests at a time.`;
      throw new Problem('too-many-requests', detail, { headers: { 'retry-after': '1' } });
    }
    inFlight.set(callerName, others + 1);
    reply.raw.once('close', () => {
      const left = (inFlight.get(callerName) ?? 1) - 1;
      if (left === 0) inFlight.delete(callerName);
      else inFlight.set(callerName, left);
    });
  });
}

/** The lesser lateness of the last two looks: one long pause alone is no overload. */
function watchLateness(app: FastifyInstance): () => number {
  let [before, last] = [0, 0];
  let due = performance.now() + lookEveryMs;
  const timer = setInterval(() => {
    const now = performance.now();
    [before, last] = [last, now - due];
    due = now + lookEveryMs;
  }, lookEveryMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  return () => Math.min(before, last);
}
