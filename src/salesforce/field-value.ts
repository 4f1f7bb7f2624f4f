import type { Scalar } from './change-event.ts';

/**
 * One form for a value, wherever it comes from: change events carry epoch milliseconds and capitalised part names,
 * REST carries ISO text with `+0000` and lower-case part names.
 */

/** Epoch milliseconds (of a time: since midnight) as ISO 8601 text in UTC. */
export function epochToIso(epoch: bigint, kind: 'date' | 'datetime' | 'time'): string {
  const iso = new Date(Number(epoch)).toISOString();
  // A year beyond 9999 has a sign and six digits.
  const [date = '', time = ''] = iso.split('T');
  return kind === 'datetime' ? iso : kind === 'date' ? date : time;
}

/** A value as REST shows it, by the type that `describe` gives the field. */
export function fromRest(value: unknown, type: string): Scalar {
  if (value === null || value === undefined) return null;
  if (type === 'datetime') return isoTime(String(value));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** A moment that can't be read stays as it came: one record must not end the reading of all. */
function isoTime(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

/** `geocodeAccuracy` → `GeocodeAccuracy` */
export function capitalise(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1);
}
