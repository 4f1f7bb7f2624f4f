const dateTime = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
const numbers = new Intl.NumberFormat();

export function formatNumber(value: number | null | undefined): string {
  return value == null ? '–' : numbers.format(value);
}

/** Date and time in the time zone of the browser. */
export function formatTime(time: string): string {
  return dateTime.format(new Date(time));
}

/** The time alone if it is today. */
export function formatShortTime(time: string): string {
  const date = new Date(time);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : dateTime.format(date);
}

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** At most two units, such as `3 h 12 min`; below a second in milliseconds. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const [size, name] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

export function formatPercent(share: number): string {
  // Rounded down: 99.96 % is not 100 %.
  return `${(Math.floor(share * 1_000) / 10).toString()} %`;
}

/** A value of a field, as one line. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** `1 account`, `2 accounts`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${numbers.format(count)} ${count === 1 ? noun : nouns}`;
}
