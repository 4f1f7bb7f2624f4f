import { signal } from '@preact/signals';
import { formatDuration, formatTime } from '../format.ts';

/** Epoch milliseconds, every five seconds. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5_000);

/** A time as its distance from now, with the full time as a tooltip. */
export function Ago({
  time,
  none = '–',
}: {
  readonly time: string | null | undefined;
  readonly none?: string;
}) {
  if (time == null) return <span class="quiet">{none}</span>;
  const ms = now.value - new Date(time).getTime();
  const distance = formatDuration(Math.abs(ms)).split(/(?<=[a-z]) /)[0];
  const text = Math.abs(ms) < 5_000 ? 'just now' : ms > 0 ? `${distance} ago` : `in ${distance}`;
  return (
    <time dateTime={time} title={formatTime(time)}>
      {text}
    </time>
  );
}

/** The full time. */
export function Moment({
  time,
  none = '–',
}: {
  readonly time: string | null | undefined;
  readonly none?: string;
}) {
  if (time == null) return <span class="quiet">{none}</span>;
  return (
    <time dateTime={time} title={time}>
      {formatTime(time)}
    </time>
  );
}
