import { createHash } from 'node:crypto';

/**
 * The key by which a repeated delivery is recognized, as a UUID: 128 bits of a SHA-256. Salesforce has sent different
 * events with one id, so the payload is a part of it.
 *
 * @param scope the id of the event, or the topic if the content alone identifies it
 */
export function eventKey(scope: string, content: Uint8Array): string {
  return createHash('sha256').update(scope).update('\0').update(content).digest('hex').slice(0, 32);
}
