/**
 * Waits until `probe` returns something other than undefined or false, polling every few milliseconds, but for a small
 * part of the time: on a busy machine, the probes of many tests take it from the work that they wait for.
 * @throws after `limitMs`, with `what` and the last error or answer
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = 60_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  let last: unknown;
  let pauseMs = 10;
  while (Date.now() < end) {
    const probedAt = performance.now();
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    const tookMs = performance.now() - probedAt;
    await new Promise((resolve) => setTimeout(resolve, Math.max(pauseMs, Math.min(500, 4 * tookMs))));
    pauseMs = Math.min(50, pauseMs * 1.25);
  }
  throw new Error(`Never happened: ${what} (last: ${last instanceof Error ? last.message : String(last)})`);
}
