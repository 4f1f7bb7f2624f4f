import { isDatabaseUnreachable } from './database-fault.ts';

/**
 * Logs a failure, as a warning by default; at level debug if the database is unreachable, because that is logged once for
 * the whole process when it begins and when it ends.
 */
export function logFailure(
  logger: Record<'debug' | 'error' | 'warn', (fields: object, message: string) => void>,
  error: unknown,
  message: string,
  fields: object = {},
  level: 'error' | 'warn' = 'warn',
): void {
  logger[isDatabaseUnreachable(error) ? 'debug' : level]({ err: error, ...fields }, message);
}
