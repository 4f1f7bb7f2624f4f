import { hash, timingSafeEqual } from 'node:crypto';

/** `write` includes `read`, `admin` includes both. */
export type Scope = 'read' | 'write' | 'admin';

export type ApiKey = {
  /** Appears in logs and as `requestedBy`. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly secret: string;
};

/** Secrets are compared by digests of equal length, so that the duration reveals nothing about them. */
export function secretDigest(secret: string): Buffer {
  // Half the cost of the output 'buffer', which allocates memory outside of the heap.
  return Buffer.from(hash('sha256', secret, 'hex'), 'hex');
}

export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(secretDigest(a), secretDigest(b));
}
