import { setTimeout as pause } from 'node:timers/promises';

type Logger = Record<'info' | 'warn', (fields: object, message: string) => void>;

const pauseMs = 500;

/**
 * Creates a function that retries steps of the startup while the database is unreachable, for `limitMs` milliseconds in
 * total. Other errors are thrown at once.
 */
export function createStartupRetry(
  limitMs: number,
  logger: Logger,
): <T>(step: () => Promise<T>) => Promise<T> {
  const startedAt = performance.now();
  let isWaiting = false;
  return async (step) => {
    for (;;) {
      try {
        const result = await step();
        if (isWaiting) logger.info({}, 'database reachable; startup continues');
        isWaiting = false;
        return result;
      } catch (error) {
        if (!isRetryable(error) || performance.now() - startedAt > limitMs) throw error;
        const reason = (error as Error).message;
        if (!isWaiting) logger.warn({ reason, limitMs }, 'database unreachable at startup; retrying');
        isWaiting = true;
        await pause(pauseMs);
      }
    }
  };
}

/** Whether the database or the network may recover soon. Wrong names, users and passwords are permanent errors. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (retryableMessages.some((message) => message.test(error.message))) return true;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return retryableCodes.has(code) || retryableClasses.test(code);
  const inner = error instanceof AggregateError ? error.errors : [];
  return [...inner, error.cause].some(isRetryable);
}

const retryableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  // The Unix socket of a PostgreSQL server that is starting.
  'ENOENT',
  // A standby before its promotion.
  '25006',
]);

// PostgreSQL: connection exceptions, too many connections, shutting down or starting up.
const retryableClasses = /^(?:08|53300|57P0)/;

// node-postgres gives these no code.
const retryableMessages = [
  /^timeout expired$/,
  /timeout exceeded when trying to connect/,
  /^Connection terminated/,
];
