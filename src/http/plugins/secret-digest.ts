import { hash, timingSafeEqual } from 'node:crypto';

/** Secrets are compared by this: of one length, so that the time taken says nothing about them. */
export function secretDigest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(secretDigest(given), secretDigest(wanted));
}
