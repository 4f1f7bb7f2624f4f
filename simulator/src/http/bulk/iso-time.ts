/**
 * `new Date(time).toISOString()`, several times as fast for whole seconds of this century, which a bulk result
 * has by the million.
 */
export const isoTime = (time: number): string => {
  const day = Math.floor(time / dayMs);
  const second = (time - day * dayMs) / 1000;
  if (!Number.isInteger(second)) return new Date(time).toISOString();
  return `${isoDay(day)}T${minutes[Math.floor(second / 60)]}${seconds[second % 60]}`;
};

/** `2026-11-23` of epoch milliseconds. */
export const isoDate = (time: number): string => isoDay(Math.floor(time / dayMs));

const isoDay = (day: number): string => {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= maxDays) days.clear();
  const text = new Date(day * dayMs).toISOString().slice(0, -'T00:00:00.000Z'.length);
  days.set(day, text);
  return text;
};

const dayMs = 86_400_000;
const maxDays = 40_000;
const days = new Map<number, string>();
const pad = (number: number): string => String(number).padStart(2, '0');
const minutes = Array.from({ length: 1440 }, (_, at) => `${pad(Math.floor(at / 60))}:${pad(at % 60)}:`);
const seconds = Array.from({ length: 60 }, (_, at) => `${pad(at)}.000Z`);
