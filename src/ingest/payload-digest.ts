import { createHash } from 'node:crypto';

/**
 * Distinguishes events with the same id: deliveries are the same event if both id and digest are equal. Salesforce has
 * sent different events with one id.
 */
export function payloadDigest(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest();
}
