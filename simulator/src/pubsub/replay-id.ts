/** Ten opaque bytes, as in Salesforce: a big-endian counter of eight bytes, and two zero bytes. */
export function toReplayId(counter: bigint): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(counter);
  return bytes;
}

/** The counter of a replay id. Eight bytes are accepted because a common client sends only those. */
export function counterOf(replayId: Uint8Array): bigint | undefined {
  if (replayId.length !== 10 && replayId.length !== 8) return undefined;
  const bytes = Buffer.from(replayId);
  if (bytes.subarray(8).some((byte) => byte !== 0)) return undefined;
  return bytes.readBigUInt64BE();
}
