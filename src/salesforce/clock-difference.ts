/** How far the clock of this machine is from Salesforce's. */
export type ClockDifference = {
  /**
   * Takes the `Date` header of an answer; one that cannot be parsed is ignored.
   * @param sentAtMs and `receivedAtMs`: by the monotonic clock
   */
  observe(dateHeader: string | undefined, sentAtMs: number, receivedAtMs: number): void;
  /** Milliseconds by which this machine's clock is ahead of Salesforce's, negative if it is behind; null if unknown. */
  current(): number | null;
};

// The header has whole seconds.
const halfResolutionMs = 500;
// A slow answer says little about the moment at which it was dated.
const maxRoundTripMs = 10_000;

/**
 * Keeps Salesforce's time by the monotonic clock, so that a clock that is corrected, or jumps, shows at once.
 *
 * @param wallMs epoch milliseconds
 * @param monotonicMs milliseconds of a clock that nobody sets
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
