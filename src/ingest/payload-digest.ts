import { createHash } from 'node:crypto';

/**
 * What tells apart two events that share an id: deliveries with the same id and the same digest are one event.
 * Salesforce has sent different events under one id.
 */
export function payloadDigest(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest();
}
