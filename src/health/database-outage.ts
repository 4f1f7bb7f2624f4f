import type { Logger } from 'pino';
import { databaseFault } from '../db/database-fault.ts';
import type { ProcessFaults } from './process-faults.ts';

/** What a connection that is opened again and again tells of the database. */
export type DatabaseOutageReporter = {
  failed(error: Error): void;
  connected(): void;
};

/**
 * Follows the outages of the database for the whole process: in its memory, and in the log with one line when an outage
 * begins and one when it ends. A single failure is a connection that broke, not an outage.
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
        logger.debug({ err: error }, 'a database connection broke');
        return;
      }
      isOngoing = true;
      const since = new Date(firstFailureAt);
      faults.set('database', fault, earlier(since, faults));
      const { code, action, message } = fault;
      logger.warn({ code, action, since }, `database disconnected: ${message}`);
    },
    connected() {
      if (isOngoing && firstFailureAt !== undefined) {
        const seconds = Math.round((now() - firstFailureAt) / 1_000);
        logger.info({ seconds }, 'database reconnected');
      } else if (firstFailureAt !== undefined) {
        logger.info('a database connection broke and was opened again');
      }
      firstFailureAt = undefined;
      isOngoing = false;
      faults.clear('database');
    },
  };
}

/** A probe may have found out before. */
function earlier(since: Date, faults: ProcessFaults): Date {
  const known = faults.list().find(({ area }) => area === 'database');
  return known !== undefined && known.since < since ? known.since : since;
}
