import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { compileValidator } from '../../plugins/validate-requests.ts';
import { Problem } from '../../problem.ts';

export const webhookBodyLimit = 5 * 1024 ** 2;

/** Inside this scope a body of these types stays the bytes that came: signatures are made over them. */
export function keepBytes(scope: FastifyInstance, types: readonly string[]): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    [...types],
    { parseAs: 'buffer', bodyLimit: webhookBodyLimit },
    (_request, body, done) => done(null, body),
  );
  // What the body says is read from its bytes, by code of its own.
  scope.setValidatorCompiler<TSchema>((part) =>
    part.httpPart === 'body' ? () => true : compileValidator(part),
  );
}

/** @throws Problem 400 where the bytes are no UTF-8, with the place of the first wrong one */
export function readText(body: unknown): string {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new Problem('invalid-request', 'The body is empty.');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Problem('invalid-request', `The body is not UTF-8 from byte ${firstWrongByte(body)} on.`);
  }
}

/** The start of the longest beginning that is UTF-8, by halving. */
function firstWrongByte(body: Buffer): number {
  let good = 0;
  let bad = body.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (isBeginning(body.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** Whether it is UTF-8, perhaps broken off within a character. */
function isBeginning(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
