import { createHmac, timingSafeEqual } from 'node:crypto';

// 128 bits: nobody guesses them, and a cursor stays short.
const signatureBytes = 16;

/** The cursor with a signature in front that only the holder of the key can make. */
export function signCursor(key: Buffer, cursor: string): string {
  return Buffer.concat([signatureOf(key, cursor), Buffer.from(cursor, 'base64url')]).toString('base64url');
}

/** The cursor that was signed with this key; undefined where it was not, or has been altered since. */
export function verifyCursor(key: Buffer, signed: string): string | undefined {
  const bytes = Buffer.from(signed, 'base64url');
  // Characters that mean nothing are no part of what was signed.
  if (bytes.length <= signatureBytes || bytes.toString('base64url') !== signed) return undefined;
  const cursor = bytes.subarray(signatureBytes).toString('base64url');
  return timingSafeEqual(bytes.subarray(0, signatureBytes), signatureOf(key, cursor)) ? cursor : undefined;
}

function signatureOf(key: Buffer, cursor: string): Buffer {
  return createHmac('sha256', key).update(`cursor:${cursor}`).digest().subarray(0, signatureBytes);
}
