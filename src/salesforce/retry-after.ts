// Salesforce asks for minutes at most; more is a mistake that must not stop us for days.
const maxMs = 15 * 60_000;

/** The header `Retry-After`, seconds or a date, as milliseconds from `now`. Source: RFC 9110, 10.2.3. */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(maxMs, Math.max(0, ms));
}
