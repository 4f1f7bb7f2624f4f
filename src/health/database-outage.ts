import type { Logger } from 'pino';
import { databaseFault } from '../db/database-fault.ts';
import type { ProcessFaults } from './process-faults.ts';

/** Receives the failures and successes of a connection that is reopened. */
export type DatabaseOutageReporter = {
  failed(error: Error): void;
  connected(): void;
};

/**
 * Tracks database outages of the process and logs the beginning and the end of each. A single failure is not an outage.
 *
 * @param now epoch milliseconds
 */
export function createDatabaseOutageReporter(
  faults: ProcessFaults,
  logger: Pick<Logger, 'debug' | 'info' | 'warn'>,
  now: () => number = Date.now,
): DatabaseOutageReporter {
  let firstFailureAt: number | undefined;
  let isOngoing = false;
  return {
    failed(error) {
      const fault = databaseFault(error);
      const isFirst = firstFailureAt === undefined;
      firstFailureAt ??= now();
      if (isFirst || isOngoing) {
        logger.debug({ err: error }, 'database connection lost');
        return;
      }
      isOngoing = true;
      const since = new Date(firstFailureAt);
      faults.set('database', fault, earlier(since, faults));
      const { code, action, message } = fault;
      logger.warn({ code, reason: message, action, since }, 'database disconnected');
    },
    connected() {
      if (isOngoing && firstFailureAt !== undefined) {
        const seconds = Math.round((now() - firstFailureAt) / 1_000);
        logger.info({ seconds }, 'database reconnected');
      } else if (firstFailureAt !== undefined) {
        logger.info('database connection lost and reopened');
      }
      firstFailureAt = undefined;
      isOngoing = false;
      faults.clear('database');
    },
  };
}

/** A probe may have detected the outage earlier. */
function earlier(since: Date, faults: ProcessFaults): Date {
  const known = faults.list().find(({ area }) => area === 'database');
  return known !== undefined && known.since < since ? known.since : since;
}
