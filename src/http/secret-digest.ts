import { createHash, timingSafeEqual } from 'node:crypto';

/** Secrets are compared by this: of one length, so that the time taken says nothing about them. */
export function secretDigest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(secretDigest(given), secretDigest(wanted));
}
