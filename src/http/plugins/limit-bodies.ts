import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';
import {
  type BodyCharge,
  type BodyLimits,
  type BodyRejection,
  createBodyBudget,
  defaultBodyLimits,
} from './body-budget.ts';
import { releaseOnClose } from './shed-load.ts';

// A body with a Content-Length up to this size is charged as a whole instead of by chunk.
const maxSmallBytes = 16 * 1024;

/**
 * Charges every request body to a budget before it is buffered, until the response is closed. A rejected body is not
 * read further, and the response closes the connection.
 */
export function limitBodies(
  app: FastifyInstance,
  onShed: () => void,
  limits: BodyLimits = defaultBodyLimits,
): void {
  const budget = createBodyBudget(limits);
  const reject = (rejection: BodyRejection): Problem => {
    if (rejection === 'all') onShed();
    return rejectionProblem(rejection, limits);
  };

  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request.raw)) return done(null, payload);
    const charge = budget.open(request.ip);
    if (charge === undefined) return done(reject('client'));
    releaseOnClose(reply.raw, charge.release);
    payload.once('end', charge.finish);
    const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
    if (length > maxSmallBytes) return done(null, meter(payload, charge, reject));
    const rejection = charge.grow(length);
    if (rejection !== undefined) return done(reject(rejection));
    done(null, payload);
  });

  // If the body is incomplete when the response is sent, do not wait for the rest.
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (hasBody(request.raw) && !request.raw.complete) reply.header('connection', 'close');
    done();
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Passes on charged chunks; the first rejection pauses the source. */
function meter(
  source: Readable,
  charge: BodyCharge,
  reject: (rejection: BodyRejection) => Problem,
): Readable {
  const charged = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const rejection = charge.grow(chunk.length);
      if (rejection === undefined) done(null, chunk);
      else done(reject(rejection));
    },
  });
  // The body parser removes its error listener after the first error.
  charged.on('error', () => source.unpipe(charged));
  source.once('error', (error) => charged.destroy(error));
  return source.pipe(charged);
}

function rejectionProblem(rejection: BodyRejection, limits: BodyLimits): Problem {
  const headers = { 'retry-after': '2' };
  if (rejection === 'all') {
    return new Problem('unavailable', 'Too many request bodies are being received.', { headers });
  }
  const megabytes = limits.maxBytesPerClient / 1024 ** 2;
  const detail = `The limit of ${limits.maxUnfinishedPerClient} concurrent bodies or ${megabytes} MiB per address is reached.`;
  return new Problem('too-many-requests', detail, { headers });
}

const maxLevels = 32;

/** Rejects deeply nested bodies: recursive code could overflow the stack. */
export function limitDepth(app: FastifyInstance): void {
  app.addHook('preValidation', ({ body }, _reply, done) => {
    if (!isNested(body) || !isDeeperThan(maxLevels, body)) return done();
    throw new Problem('invalid-request', `The body must not be nested more than ${maxLevels} levels deep.`);
  });
}

/** Checks level by level, without recursion. */
export function isDeeperThan(levels: number, body: unknown): boolean {
  let level = [body].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= levels) return true;
    level = level.flatMap((value) => Object.values(value).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}
