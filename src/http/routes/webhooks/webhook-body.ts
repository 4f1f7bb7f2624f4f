import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { compileValidator } from '../../plugins/validate-requests.ts';
import { Problem } from '../../problem.ts';

const webhookBodyLimit = 5 * 1024 ** 2;

/** Accepts bodies of these types as raw bytes in this scope: signatures are computed over the bytes. */
export function acceptRawBody(scope: FastifyInstance, types: readonly string[]): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    [...types],
    { parseAs: 'buffer', bodyLimit: webhookBodyLimit },
    (_request, body, done) => done(null, body),
  );
  // The handlers parse and validate the body.
  scope.setValidatorCompiler<TSchema>((part) =>
    part.httpPart === 'body' ? () => true : compileValidator(part),
  );
}

/** @throws Problem 400 with the offset of the first invalid byte */
export function parseUtf8(body: unknown): string {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new Problem('invalid-request', 'The body is empty.');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Problem('invalid-request', `The body is not valid UTF-8 at byte ${firstInvalidByte(body)}.`);
  }
}

/** Finds the end of the longest valid prefix by binary search. */
function firstInvalidByte(body: Buffer): number {
  let valid = 0;
  let invalid = body.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    if (isPrefix(body.subarray(0, middle))) valid = middle;
    else invalid = middle;
  }
  return valid;
}

/** Whether the bytes are UTF-8, possibly cut off within a character. */
function isPrefix(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/**
 * Parses large documents one at a time. Each yields the event loop every few milliseconds, but several in parallel
 * would block it for the sum of their times.
 */
export type ParseQueue = <T>(work: () => Promise<T>) => Promise<T>;

export function createParseQueue(): ParseQueue {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}
