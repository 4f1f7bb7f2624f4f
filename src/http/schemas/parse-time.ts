import { invalid } from '../problem.ts';

/**
 * Reads an RFC 3339 time given as a parameter.
 * @throws Problem 400 naming the parameter when no calendar or PostgreSQL knows that moment
 */
export function readTime(parameter: string, text: string): Date {
  const time = new Date(text);
  if (!isStorableTime(time)) throw invalid(parameter, 'must be a moment between the years 1 and 9999');
  return time;
}

export function isStorableTime(time: Date): boolean {
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999;
}
