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
  return hash('sha256', secret, 'buffer');
}

export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(secretDigest(a), secretDigest(b));
}
