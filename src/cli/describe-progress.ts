import type { Resync } from './follow-resync.ts';

/** How fast it goes: records a second since it was first looked at; null while that can't be said. */
export function paceSince(first: Sample | undefined, now: Sample): number | null {
  if (first === undefined || now.at <= first.at || now.read <= first.read) return null;
  return ((now.read - first.read) * 1000) / (now.at - first.at);
}

/** @param at epoch milliseconds */
export type Sample = { readonly at: number; readonly read: number };

/** One line: what it does, how far it is, how fast, how long it will take. */
export function describeProgress(
  { state, read, expected, percent, waiting }: Resync,
  pace: number | null,
): string {
  const parts = [
    expected === null ? `${read} read` : `${read} of ${expected}`,
    ...(percent === null ? [] : [`${percent}%`]),
    ...(pace === null ? [] : [`${Math.round(pace)}/s`]),
    ...(pace === null || expected === null || read >= expected
      ? []
      : [`about ${duration((expected - read) / pace)} left`]),
  ];
  const hold = describeWaiting(waiting);
  return `${state}: ${parts.join(', ')}${hold === '' ? '' : `; ${hold}`}`;
}

/** Why it does not go on; empty if it does. */
export function describeWaiting(waiting: unknown): string {
  if (typeof waiting !== 'object' || waiting === null) return '';
  const { reason, until, notVisible } = waiting as Readonly<Record<string, unknown>>;
  if (reason === 'confirmation') return `${String(notVisible)} accounts are not visible`;
  const limit = typeof until === 'string' ? ` until ${until}` : '';
  return `waiting: ${typeof reason === 'string' ? reason : 'no reason given'}${limit}`;
}

export function duration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
