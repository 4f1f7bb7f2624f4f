import { CronExpressionParser } from 'cron-parser';
import { ConfigError } from './config-error.ts';

/**
 * Checks a cron expression of five fields, or one like `@daily`; answers it.
 * @throws ConfigError naming the setting
 */
export function readCron(name: string, text: string): string {
  try {
    if (!/^@\w+$/.test(text) && text.trim().split(/\s+/).length !== 5)
      throw new Error('it needs five fields');
    // Some can be read and never come: the 31st of February.
    CronExpressionParser.parse(text, { tz: 'UTC' }).next();
    return text;
  } catch (error) {
    const why = (error as Error).message;
    throw new ConfigError([`${name}: "${text}" is no cron expression such as "0 3 * * 0" (${why})`]);
  }
}
