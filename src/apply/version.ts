/**
 * The version of a value. The greater version wins.
 *
 * `(commitTimestamp, commitNumber, sequenceNumber, readAt)`: the first three are those of the change event. A record
 * that was read from Salesforce has the greatest version that it certainly contains, and the time of the read as fourth
 * part: it wins over the events that it contains, and over earlier reads.
 */
export type Version = readonly [
  /** Epoch milliseconds, in practice whole seconds. */
  commitTimestamp: number,
  /** Beyond 2^53. */
  commitNumber: bigint,
  sequenceNumber: number,
  /** Epoch milliseconds when the read was sent; 0 for an event. */
  readAt: number,
];

/** Older than every other version. */
export const zeroVersion: Version = [0, 0n, 0, 0];

/** Negative, zero or positive, as for sorting. */
export function compareVersions(a: Version, b: Version): number {
  if (a === b) return 0;
  if (a[0] !== b[0]) return a[0] - b[0];
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1;
  return a[2] !== b[2] ? a[2] - b[2] : a[3] - b[3];
}

export function laterVersion(a: Version, b: Version): Version {
  return compareVersions(a, b) >= 0 ? a : b;
}

export function eventVersion(header: {
  readonly commitTimestamp: number;
  readonly commitNumber: bigint;
  readonly sequenceNumber: number;
}): Version {
  return [header.commitTimestamp, header.commitNumber, header.sequenceNumber, 0];
}

/**
 * The version of a record read from Salesforce.
 * @param systemModstamp of the record, epoch milliseconds
 * @param watermark the greatest version that was applied from the topic before the read was sent
 * @param readAt epoch milliseconds
 */
export function readVersion(systemModstamp: number, watermark: Version, readAt: number): Version {
  const [time, commit, sequence] = laterVersion([systemModstamp, 0n, 0, 0], watermark);
  return [time, commit, sequence, readAt];
}

/** Whether it is the version of a read. */
export function isReadVersion([, , , readAt]: Version): boolean {
  return readAt > 0;
}

/** `1790000000000.1790000000123456789.1.0` */
export function formatVersion(version: Version): string {
  const text = texts.get(version) ?? version.join('.');
  texts.set(version, text);
  return text;
}

// Cache: many fields share a version.
const texts = new WeakMap<Version, string>();

/** @throws if the text is not a version */
export function parseVersion(text: string): Version {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not a version`);
  const [, time, commit = '0', sequence, readAt] = match;
  return [Number(time), BigInt(commit), Number(sequence), Number(readAt)];
}
