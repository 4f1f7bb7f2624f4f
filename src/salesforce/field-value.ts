import type { Scalar } from './change-event.ts';

/**
 * One form for a value, wherever it comes from: change events carry epoch milliseconds and capitalised part names,
 * REST carries ISO text with `+0000` and lower-case part names.
 */

/** Epoch milliseconds (of a time: since midnight) as ISO 8601 text in UTC. */
export function epochToIso(epoch: bigint, kind: 'date' | 'datetime' | 'time'): string {
  const iso = new Date(Number(epoch)).toISOString();
  return kind === 'datetime' ? iso : kind === 'date' ? iso.slice(0, 10) : iso.slice(11);
}

/** A value as REST shows it, by the type that `describe` gives the field. */
export function fromRest(value: unknown, type: string): Scalar {
  if (value === null || value === undefined) return null;
  if (type === 'datetime') return new Date(String(value)).toISOString();
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** `geocodeAccuracy` → `GeocodeAccuracy` */
export function capitalise(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1);
}
