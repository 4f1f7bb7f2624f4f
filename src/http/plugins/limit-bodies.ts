import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';
import {
  type BodyCharge,
  type BodyLimits,
  type BodyRefusal,
  createBodyBudget,
  defaultBodyLimits,
} from './body-budget.ts';
import { onceClosed } from './once-closed.ts';

// A body that says to be no longer is charged at once: counting its pieces would cost more than it holds.
const smallBytes = 16 * 1024;

/**
 * Charges every request body against one budget before it is kept in memory. A body stays charged until its request is
 * answered. What is refused is not read any further: the answer ends the connection.
 */
export function limitBodies(
  app: FastifyInstance,
  onShed: () => void,
  limits: BodyLimits = defaultBodyLimits,
): void {
  const budget = createBodyBudget(limits);
  const refuse = (refusal: BodyRefusal): Problem => {
    if (refusal === 'all') onShed();
    return refusalProblem(refusal, limits);
  };

  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request.raw)) return done(null, payload);
    const charge = budget.open(request.ip);
    if (charge === undefined) return done(refuse('client'));
    onceClosed(reply.raw, charge.release);
    payload.once('end', charge.finish);
    const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
    if (length > smallBytes) return done(null, meter(payload, charge, refuse));
    const refusal = charge.grow(length);
    if (refusal !== undefined) return done(refuse(refusal));
    done(null, payload);
  });

  // What has not arrived when the answer is known is not waited for.
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (hasBody(request.raw) && !request.raw.complete) reply.header('connection', 'close');
    done();
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Passes on only what is charged; the source is paused from the first refusal on. */
function meter(source: Readable, charge: BodyCharge, refuse: (refusal: BodyRefusal) => Problem): Readable {
  const charged = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const refusal = charge.grow(chunk.length);
      if (refusal === undefined) done(null, chunk);
      else done(refuse(refusal));
    },
  });
  // The parser listens for errors only until it knows what to answer.
  charged.on('error', () => source.unpipe(charged));
  source.once('error', (error) => charged.destroy(error));
  return source.pipe(charged);
}

function refusalProblem(refusal: BodyRefusal, limits: BodyLimits): Problem {
  const headers = { 'retry-after': '2' };
  if (refusal === 'all') {
    return new Problem('unavailable', 'Too much is being sent at the moment.', { headers });
  }
  const megabytes = limits.maxBytesOfOne / 1024 ** 2;
  const detail = `At most ${limits.maxUnfinishedOfOne} bodies and ${megabytes} MiB of one address may be on their way at a time.`;
  return new Problem('too-many-requests', detail, { headers });
}
