import { invalid } from '../../problem.ts';
import { decodeToken, encodeToken } from '../../search/list-page.ts';

/** The last position that a reader has received, and the log it belongs to. */
export type StreamPosition = {
  /** Identifies the log: another database, or a recreated one, has another name. */
  readonly log: string;
  readonly position: bigint;
};

/** The `id:` of an event of the live stream; opaque to clients. */
export function encodeStreamId({ log, position }: StreamPosition): string {
  return encodeToken([log, position.toString()]);
}

/** @throws Problem 400 naming `lastEventId` if the id is malformed */
export function decodeStreamId(id: string): StreamPosition {
  const [log, position] = decodeToken(id);
  const isValid = typeof log === 'string' && typeof position === 'string' && /^\d{1,18}$/.test(position);
  if (!isValid) throw invalid('lastEventId', 'is not an id of this stream');
  return { log, position: BigInt(position) };
}
