import { fastifySSE } from '@fastify/sse';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** One message of a stream of Server-Sent Events. */
export type StreamMessage = {
  /** What a client sends as `Last-Event-ID` to go on behind it. */
  readonly id?: string;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
};

export type EventStreams = {
  /**
   * Answers with the messages of `source` until it ends. The signal says that nobody listens any more: the client is
   * gone or too slow, or the server closes.
   *
   * @throws Problem 429 where too many streams are open, before anything is sent
   */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    source: (signal: AbortSignal) => AsyncIterable<StreamMessage>,
  ): Promise<void>;
};

/** Whether the route was asked for a stream. Routes that can answer one have `sse: 'dual'`. */
export function wantsStream(request: FastifyRequest, reply: FastifyReply): boolean {
  return request.method === 'GET' && reply.sse !== undefined;
}

const heartbeatMs = 15_000;
const mostStreams = 100;
const mostStreamsOfOneKey = 10;

/** Server-Sent Events by @fastify/sse, with limits, and an end when the server closes. */
export async function addEventStreams(
  app: FastifyInstance,
  /** A client that takes nothing for so long is given up; until then what it does not take waits here. */
  stallLimitMs = 30_000,
): Promise<EventStreams> {
  await app.register(fastifySSE, { heartbeatInterval: heartbeatMs });
  const open = new Map<AbortController, string>();
  app.addHook('preClose', async () => {
    for (const gone of open.keys()) gone.abort();
  });
  return {
    async answer(request, reply, source) {
      checkLimits([...open.values()], request.callerName);
      const gone = new AbortController();
      open.set(gone, request.callerName);
      reply.raw.once('close', () => gone.abort());
      // The connection ends with the stream, so that a closing server does not wait for it.
      reply.header('connection', 'close');
      reply.sse.sendHeaders();
      // From here on the time limit of handlers does not count.
      reply.hijack();
      try {
        for await (const message of source(gone.signal)) {
          if (gone.signal.aborted || !(await isTaken(reply.sse.send(message), gone.signal, stallLimitMs)))
            break;
        }
      } catch (error) {
        request.log.error({ err: error }, 'a stream broke');
      } finally {
        open.delete(gone);
        // What was not taken never will be.
        if (reply.raw.writableNeedDrain) reply.raw.destroy();
        reply.sse.close();
      }
    },
  };
}

function checkLimits(callers: readonly string[], caller: string): void {
  const headers = { 'retry-after': '30' };
  if (callers.length >= mostStreams) {
    throw new Problem('too-many-streams', `At most ${mostStreams} streams may be open.`, { headers });
  }
  if (callers.filter((other) => other === caller).length >= mostStreamsOfOneKey) {
    const detail = `At most ${mostStreamsOfOneKey} streams of one key may be open.`;
    throw new Problem('too-many-streams', detail, { headers });
  }
}

/** Whether the connection took it; false where it is gone or took nothing for too long. */
async function isTaken(sending: Promise<void>, signal: AbortSignal, limitMs: number): Promise<boolean> {
  const { promise: refused, resolve } = Promise.withResolvers<false>();
  const refuse = (): void => resolve(false);
  const timer = setTimeout(refuse, limitMs);
  signal.addEventListener('abort', refuse);
  try {
    return await Promise.race([sending.then(() => true), refused]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', refuse);
  }
}
