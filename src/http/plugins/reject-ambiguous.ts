import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';

/**
 * Rejects requests whose meaning would be a guess: a header that must be given once and is given twice, of which Node
 * uses the first or joins all, and a query that is not UTF-8 in percent-encoding, which Fastify leaves as it is.
 */
export function rejectAmbiguousRequests(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: { rawHeaders, url = '' } }, _reply, done) => {
    const seen = new Set<string>();
    // Names and values alternate.
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]?.toLowerCase() ?? '';
      if (!singleHeaders.has(name)) continue;
      if (seen.has(name))
        throw new Problem('invalid-request', `Send the header ${rawHeaders[index]} only once.`);
      seen.add(name);
    }
    if (url.includes('%') && !isDecodable(url))
      throw new Problem('invalid-request', 'The URL is not encoded correctly.');
    done();
  });
}

const singleHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'idempotency-key',
  'last-event-id',
]);

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
