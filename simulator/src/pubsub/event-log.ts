/**
 * The entries of the bus in the order of appending, for the time of the retention. Readers keep an ordinal, which
 * never changes; replay counters grow, with gaps, and can repeat.
 */
export function createEventLog<Entry extends LogEntry>(options: EventLogOptions): EventLog<Entry> {
  let entries: Entry[] = [];
  let firstOrdinal = 0;
  let lastCounter = 0n;

  function dropExpired(): void {
    const oldest = options.now() - options.retentionMs;
    const kept = entries.findIndex((entry) => entry.at >= oldest);
    const dropped = kept === -1 ? entries.length : kept;
    if (dropped === 0) return;
    entries = entries.slice(dropped);
    firstOrdinal += dropped;
  }

  return {
    append(entry) {
      if (entry.counter < lastCounter) throw new RangeError('a replay id must not be before the last one');
      if (entries.length % 1024 === 0) dropExpired();
      entries.push(entry);
      lastCounter = entry.counter;
    },
    earliest() {
      dropExpired();
      return firstOrdinal;
    },
    latest: () => firstOrdinal + entries.length,
    after(counter) {
      dropExpired();
      if (counter > lastCounter) return undefined;
      const index = firstIndexAbove(entries, counter);
      return index === 0 ? undefined : firstOrdinal + index;
    },
    *from(ordinal) {
      for (let index = Math.max(ordinal - firstOrdinal, 0); index < entries.length; index += 1) {
        const entry = entries[index];
        if (entry !== undefined) yield [firstOrdinal + index, entry];
      }
    },
    all() {
      dropExpired();
      return entries;
    },
    clear() {
      firstOrdinal += entries.length;
      entries = [];
    },
    last: () => entries.at(-1),
    lastCounter: () => lastCounter,
  };
}

function firstIndexAbove(entries: readonly LogEntry[], counter: bigint): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && entry.counter <= counter) low = middle + 1;
    else high = middle;
  }
  return low;
}

type LogEntry = {
  readonly counter: bigint;
  /** When it was appended, epoch milliseconds. */
  readonly at: number;
};

type EventLogOptions = { readonly now: () => number; readonly retentionMs: number };

type EventLog<Entry extends LogEntry> = {
  /** Throws if the counter is before the last one. */
  append(entry: Entry): void;
  /** The ordinal of the oldest entry still retained. */
  earliest(): number;
  /** The ordinal of the next entry. */
  latest(): number;
  /** The ordinal after a counter; undefined if it is expired or unknown. */
  after(counter: bigint): number | undefined;
  from(ordinal: number): Iterable<readonly [ordinal: number, entry: Entry]>;
  all(): readonly Entry[];
  /** Removes every entry; ordinals and counters continue. */
  clear(): void;
  last(): Entry | undefined;
  lastCounter(): bigint;
};
