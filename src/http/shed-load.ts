import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

export type LoadLimits = {
  /** How late a timer may be, twice in a row, before requests are refused. */
  readonly lateMs: number;
  /** Requests with no whole answer, streams left out. */
  readonly inFlight: number;
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
