import { isDatabaseUnreachable } from './database-fault.ts';

/**
 * Logs a failure as a warning. A database that cannot be reached is logged once for the whole process, when that begins
 * and when it ends; what fails meanwhile for that reason is debug output.
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
