import { isDatabaseUnreachable } from './database-fault.ts';

/**
 * Logs a failure as a warning; at level debug if the database is unreachable, because that is logged once for the whole
 * process when it begins and when it ends.
 */
export function logFailure(
  logger: Record<'warn' | 'debug', (fields: object, message: string) => void>,
  error: unknown,
  message: string,
  fields: object = {},
): void {
  const level = isDatabaseUnreachable(error) ? 'debug' : 'warn';
  logger[level]({ err: error, ...fields }, message);
}
