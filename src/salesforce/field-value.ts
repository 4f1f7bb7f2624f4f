import type { Scalar } from './change-event.ts';

/**
 * Values have one form in the mirror: change events have epoch milliseconds and capitalized part names, REST has ISO text
 * with `+0000` and lower-case part names.
 */

/** Formats epoch milliseconds (for a time: since midnight) as ISO 8601 in UTC. */
export function epochToIso(epoch: bigint, kind: 'date' | 'datetime' | 'time'): string {
  const iso = new Date(Number(epoch)).toISOString();
  // A year beyond 9999 has a sign and six digits.
  const [date = '', time = ''] = iso.split('T');
  return kind === 'datetime' ? iso : kind === 'date' ? date : time;
}

/** Converts a REST value by the field type of `describe`. */
export function fromRest(value: unknown, type: string): Scalar {
  if (value === null || value === undefined) return null;
  if (type === 'datetime') return isoTime(String(value));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** An invalid time stays as it is: one record must not fail a whole page. */
function isoTime(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

/** `geocodeAccuracy` → `GeocodeAccuracy` */
export function capitalise(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1);
}
