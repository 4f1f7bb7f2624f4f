import { invalid } from '../../problem.ts';

/** Up to which place in the order of effect a reader has read, and in which log. */
export type StreamPosition = {
  /** Names the log: another database, or one that was begun anew, has another name. */
  readonly log: string;
  readonly position: bigint;
};

/** The `id:` of an event of the live stream; opaque to readers. Its first member is the version of this format. */
export function encodeStreamId({ log, position }: StreamPosition): string {
  return Buffer.from(JSON.stringify([1, log, position.toString()])).toString('base64url');
}

/** @throws Problem 400 naming `lastEventId` where no stream gave it out */
export function decodeStreamId(id: string): StreamPosition {
  const [version, log, position] = parse(id);
  const made =
    version === 1 && typeof log === 'string' && typeof position === 'string' && /^\d{1,18}$/.test(position);
  if (!made) throw invalid('lastEventId', 'is not an id that this stream gave out');
  return { log, position: BigInt(position) };
}

function parse(id: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(id, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
