import type { FastifyInstance } from 'fastify';

export type Burst = {
  /** Number of rejected requests. */
  readonly requests: number;
  /** Seconds from the first one to the last one. */
  readonly seconds: number;
};

export type BurstReport<T> = {
  /** Called with the first request of a burst. */
  readonly began: (first: T) => void;
  readonly ended: (burst: Burst) => void;
};

/**
 * Reports rejected requests that have a common cause once when the first one arrives and once when there have been none
 * for `quietMs` milliseconds, or when the server closes.
 *
 * @returns a function to call with each of them
 */
export function reportBursts<T = void>(
  app: FastifyInstance,
  { began, ended }: BurstReport<T>,
  quietMs = 10_000,
): (request: T) => void {
  let requests = 0;
  let [firstAt, lastAt] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (requests > 0) ended({ requests, seconds: Math.round((lastAt - firstAt) / 1_000) });
    requests = 0;
  };
  app.addHook('onClose', async () => end());
  return (request) => {
    lastAt = performance.now();
    if (requests === 0) {
      firstAt = lastAt;
      began(request);
    }
    requests += 1;
    if (timer === undefined) timer = setTimeout(end, quietMs).unref();
    else timer.refresh();
  };
}
