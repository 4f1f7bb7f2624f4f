import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The signed headers of a webhook, as Standard Webhooks 1.0.0 names them. */
export type SignedHeaders = {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly Buffer[];
};

const toleranceSeconds = 5 * 60;
// A sender that changes its secret signs with two; nobody needs more than some.
const maxSignatures = 10;

/**
 * What can be told before the body is there: whether a request is signed at all, and recently.
 * @param now epoch milliseconds
 * @returns undefined where it is not
 */
export function readSignedHeaders(headers: IncomingHttpHeaders, now: number): SignedHeaders | undefined {
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

/** Whether one of the signatures is that of one of the keys, over the bytes as they came. */
export function isSigned(
  { id, timestamp, signatures }: SignedHeaders,
  body: Uint8Array,
  keys: Keys,
): boolean {
  // Every key is tried with every signature, so that the time taken says nothing about them.
  let signed = false;
  for (const key of keys) {
    const wanted = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    for (const signature of signatures) {
      if (signature.length === wanted.length && timingSafeEqual(signature, wanted)) signed = true;
    }
  }
  return signed;
}

type Keys = readonly Uint8Array[];
