import type { Prisma } from '../../db/generated/client.ts';
import { accountPrefix, parseRecordId } from '../../salesforce/record-id.ts';
import { invalid } from '../problem.ts';

/**
 * @returns the 18-character form
 * @throws Problem 400 naming the parameter
 */
export function parseRecordIdParameter(parameter: string, text: string): string {
  const id = parseRecordId(text);
  if (id === undefined) {
    throw invalid(parameter, 'must be a record id of 15 characters, or of 18 with a valid checksum');
  }
  return id;
}

/**
 * @returns the 18-character form
 * @throws Problem 400 naming the parameter
 */
export function parseAccountIdParameter(parameter: string, text: string): string {
  const id = parseRecordIdParameter(parameter, text);
  if (!id.startsWith(accountPrefix)) {
    throw invalid(parameter, `must be the id of an account, which begins with ${accountPrefix}`);
  }
  return id;
}

/**
 * Parses an RFC 3339 time.
 * @throws Problem 400 naming the parameter if PostgreSQL cannot store the time
 */
export function parseTimeParameter(parameter: string, text: string): Date {
  const time = new Date(text);
  if (!isStorableTime(time)) throw invalid(parameter, 'must be a time between the years 1 and 9999');
  return time;
}

/**
 * Parses a time for which the state of accounts is requested.
 * @throws Problem 400 naming the parameter if the time is in the future
 */
export function parsePastTimeParameter(parameter: string, text: string): Date {
  const time = parseTimeParameter(parameter, text);
  // Commit timestamps of Salesforce have a resolution of one second.
  if (time.getTime() > Date.now() + 1_000) throw invalid(parameter, 'must not be in the future');
  // Versions cannot be negative; Salesforce has no earlier data.
  return new Date(Math.max(0, time.getTime()));
}

export function isStorableTime(time: Date): boolean {
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999;
}

/** Whether the text is a non-negative decimal number that fits into a PostgreSQL bigint. */
export function isLogId(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n;
}

/** @throws Problem 400 if the number is too large */
export function eventCondition(id: string): Prisma.LoggedEventWhereInput {
  if (!/^\d+$/.test(id)) return { eventId: { in: [id, id.toLowerCase()] } };
  if (!isLogId(id)) throw invalid('id', 'is greater than the largest possible event number');
  return { id: BigInt(id) };
}
