import { CronExpressionParser } from 'cron-parser';
import { ConfigError } from './config-error.ts';

/**
 * Validates a cron expression with five fields, or one such as `@daily`.
 * @throws ConfigError naming the setting
 */
export function parseCron(name: string, text: string): string {
  try {
    if (!/^@\w+$/.test(text) && text.trim().split(/\s+/).length !== 5)
      throw new Error('it must have five fields');
    // A valid expression may never occur: February 31st.
    CronExpressionParser.parse(text, { tz: 'UTC' }).next();
    return text;
  } catch (error) {
    const reason = (error as Error).message;
    throw new ConfigError([`${name}: "${text}" is not a cron expression such as "0 3 * * 0" (${reason})`]);
  }
}
