import { fastifySSE } from '@fastify/sse';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkStreamLimit, closingDown, type StreamLimits } from './stream-limits.ts';

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
   * A text is sent as it is.
   *
   * @throws Problem 429 or 503 where too many streams are open, before anything is sent
   */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    source: (signal: AbortSignal) => AsyncIterable<StreamMessage | string>,
    limits?: StreamLimits,
  ): Promise<void>;
  /** @throws Problem as `answer` would */
  checkStreamLimit(request: FastifyRequest, limits?: StreamLimits): void;
};

/** Whether the route was asked for a stream. Routes that can answer one have `sse: 'dual'`. */
export function wantsStream(request: FastifyRequest, reply: FastifyReply): boolean {
  return request.method === 'GET' && reply.sse !== undefined;
}

const heartbeatMs = 15_000;
const defaultLimits: StreamLimits = { most: 100, maxPerKey: 10 };

/** Server-Sent Events by @fastify/sse, with limits, and an end when the server closes. */
export async function registerEventStreams(
  app: FastifyInstance,
  /** A client that takes nothing for so long is given up; until then what it does not take waits here. */
  stallLimitMs = 30_000,
): Promise<EventStreams> {
  await app.register(fastifySSE, { heartbeatInterval: heartbeatMs });
  const open = new Map<AbortController, OpenStream>();
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    for (const gone of open.keys()) gone.abort();
  });
  const check = ({ callerName }: FastifyRequest, limits = defaultLimits): void => {
    const others = [...open.values()].filter((stream) => stream.limits === limits);
    checkStreamLimit(
      'streams',
      others.map(({ caller }) => caller),
      callerName,
      limits,
    );
  };
  return {
    checkStreamLimit: check,
    async answer(request, reply, source, limits = defaultLimits) {
      check(request, limits);
      // It may have been let in before the server began to close.
      if (closing) throw closingDown();
      const gone = new AbortController();
      open.set(gone, { caller: request.callerName, limits });
      reply.raw.once('close', () => gone.abort());
      // The connection ends with the stream, so that a closing server does not wait for it.
      reply.header('connection', 'close');
      reply.sse.sendHeaders();
      // From here on the time limit of handlers does not count.
      reply.hijack();
      try {
        for await (const message of source(gone.signal)) {
          if (gone.signal.aborted) break;
          const sending = typeof message === 'string' ? write(reply, message) : reply.sse.send(message);
          if (!(await isTaken(sending, gone.signal, stallLimitMs))) break;
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

type OpenStream = { readonly caller: string; readonly limits: StreamLimits };

/** Undefined when it was taken at once; else it is when the connection has room again. */
function write({ raw }: FastifyReply, text: string): Promise<void> | undefined {
  if (raw.write(text)) return undefined;
  return new Promise((resolve) => raw.once('drain', resolve));
}

/** Whether the connection took it; false where it is gone or took nothing for too long. */
async function isTaken(
  sending: Promise<void> | undefined,
  signal: AbortSignal,
  limitMs: number,
): Promise<boolean> {
  if (sending === undefined) return true;
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
