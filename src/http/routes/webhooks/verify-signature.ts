import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The signed headers of a webhook (Standard Webhooks 1.0.0). */
export type SignedHeaders = {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly Buffer[];
};

const toleranceSeconds = 5 * 60;
// A sender that rotates its secret signs with two.
const maxSignatures = 10;

/**
 * Checks what is known before the body is received: the presence and age of the signature.
 * @param now epoch milliseconds
 * @returns undefined if the request is unsigned or too old
 */
export function parseSignedHeaders(headers: IncomingHttpHeaders, now: number): SignedHeaders | undefined {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signature = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string')
    return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) return undefined;
  if (Math.abs(now / 1_000 - Number(timestamp)) > toleranceSeconds) return undefined;
  const signatures = signature
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .slice(0, maxSignatures)
    .map((part) => Buffer.from(part.slice(3), 'base64'));
  return signatures.length === 0 ? undefined : { id, timestamp, signatures };
}

/** Whether one of the signatures over the raw body was made with one of the keys. */
export function hasValidSignature(
  { id, timestamp, signatures }: SignedHeaders,
  body: Uint8Array,
  keys: readonly Uint8Array[],
): boolean {
  // Every key is compared with every signature, so that the duration reveals nothing about them.
  let isValid = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    for (const signature of signatures) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isValid = true;
    }
  }
  return isValid;
}
