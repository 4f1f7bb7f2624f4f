import { setTimeout as pause } from 'node:timers/promises';

type Logger = Record<'info' | 'warn', (fields: object, message: string) => void>;

const pauseMs = 500;

/**
 * Runs steps of the start, again and again while the database is away. All steps together wait for `limitMs` at most;
 * then the error is thrown, as any other is at once.
 */
export function databaseWaiter(limitMs: number, logger: Logger): <T>(step: () => Promise<T>) => Promise<T> {
  const startedAt = performance.now();
  let isWaiting = false;
  return async (step) => {
    for (;;) {
      try {
        const result = await step();
        if (isWaiting) logger.info({}, 'the database answers; the start goes on');
        isWaiting = false;
        return result;
      } catch (error) {
        if (!isDatabaseAway(error) || performance.now() - startedAt > limitMs) throw error;
        const reason = (error as Error).message;
        if (!isWaiting) logger.warn({ reason, limitMs }, 'the database is away; the start waits for it');
        isWaiting = true;
        await pause(pauseMs);
      }
    }
  };
}

/** Whether the database, or the way to it, may be back in a moment. Wrong names, users and passwords stay wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (awayMessages.some((message) => message.test(error.message))) return true;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return awayCodes.has(code) || awayClasses.test(code);
  const inner = error instanceof AggregateError ? error.errors : [];
  return [...inner, error.cause].some(isDatabaseAway);
}

const awayCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  // A socket of PostgreSQL that is being started.
  'ENOENT',
  // A standby that is about to be promoted.
  '25006',
]);

// PostgreSQL: connection exceptions, too many connections, shutting down or starting up.
const awayClasses = /^(?:08|53300|57P0)/;

// node-postgres gives these no code.
const awayMessages = [
  /^timeout expired$/,
  /timeout exceeded when trying to connect/,
  /^Connection terminated/,
];
