/**
 * Waits until `probe` returns something other than undefined or false, polling every few milliseconds.
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
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(50, pauseMs * 1.1);
  }
  throw new Error(`Never happened: ${what} (last: ${last instanceof Error ? last.message : String(last)})`);
}
