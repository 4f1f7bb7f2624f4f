import type { Resync } from './follow-resync.ts';

/** Records per second since the first sample; null if unknown. */
export function paceSince(first: Sample | undefined, now: Sample): number | null {
  if (first === undefined || now.at <= first.at || now.read <= first.read) return null;
  return ((now.read - first.read) * 1000) / (now.at - first.at);
}

/** @param at epoch milliseconds */
export type Sample = { readonly at: number; readonly read: number };

/** State, progress, pace and remaining time in one line. */
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

/** Why the resync is waiting; empty if it is not. */
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
