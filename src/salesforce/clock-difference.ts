/** Difference between the clock of this machine and Salesforce's. */
export type ClockDifference = {
  /**
   * Records the `Date` header of a response; ignores one that cannot be parsed.
   * @param sentAtMs and `receivedAtMs`: by the monotonic clock
   */
  observe(dateHeader: string | undefined, sentAtMs: number, receivedAtMs: number): void;
  /** Milliseconds by which this machine's clock is ahead of Salesforce's, negative if it is behind; null if unknown. */
  current(): number | null;
};

// The header has whole seconds.
const halfResolutionMs = 500;
// A slow response is too inaccurate.
const maxRoundTripMs = 10_000;

/**
 * Tracks Salesforce's time by the monotonic clock, so that a step of the wall clock is visible immediately.
 *
 * @param wallMs epoch milliseconds
 * @param monotonicMs milliseconds of the monotonic clock
 */
export function createClockDifference(
  wallMs: () => number = Date.now,
  monotonicMs: () => number = () => performance.now(),
): ClockDifference {
  let salesforceAtZeroMs: number | null = null;
  return {
    observe(dateHeader, sentAtMs, receivedAtMs) {
      const dated = Date.parse(dateHeader ?? '');
      if (Number.isNaN(dated) || receivedAtMs - sentAtMs > maxRoundTripMs) return;
      salesforceAtZeroMs = dated + halfResolutionMs - (sentAtMs + receivedAtMs) / 2;
    },
    current() {
      return salesforceAtZeroMs === null ? null : Math.round(wallMs() - (salesforceAtZeroMs + monotonicMs()));
    },
  };
}
