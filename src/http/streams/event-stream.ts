import { fastifySSE } from '@fastify/sse';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { logFailure } from '../../db/log-failure.ts';
import { checkStreamLimit, type StreamLimits, serverClosing } from './stream-limits.ts';

/** A message of a Server-Sent Events stream. */
export type StreamMessage = {
  /** A client sends it as `Last-Event-ID` to resume after this message. */
  readonly id?: string;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
};

export type EventStreams = {
  /**
   * Sends the messages of `source` until it ends; strings are sent unchanged. The signal is aborted when the client
   * disconnects or is too slow, or when the server closes.
   *
   * @throws Problem 429 or 503 if too many streams are open, before anything is sent
   */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    source: (signal: AbortSignal) => AsyncIterable<StreamMessage | string>,
    limits?: StreamLimits,
  ): Promise<void>;
  /** @throws Problem 429 or 503 if too many streams are open */
  checkStreamLimit(request: FastifyRequest, limits?: StreamLimits): void;
};

/** Whether the client requests a stream from a route with `sse: 'dual'`. */
export function wantsStream(request: FastifyRequest, reply: FastifyReply): boolean {
  return request.method === 'GET' && reply.sse !== undefined;
}

const heartbeatMs = 15_000;
const defaultLimits: StreamLimits = { max: 100, maxPerKey: 10 };

/** Registers @fastify/sse, with limits, and ends all streams when the server closes. */
export async function registerEventStreams(
  app: FastifyInstance,
  /** A client that reads nothing for this time is disconnected; one message per client is buffered. */
  stallTimeoutMs = 30_000,
): Promise<EventStreams> {
  await app.register(fastifySSE, { heartbeatInterval: heartbeatMs });
  const open = new Map<AbortController, OpenStream>();
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    for (const controller of open.keys()) controller.abort();
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
    async send(request, reply, source, limits = defaultLimits) {
      check(request, limits);
      // The request may have been accepted before the server started to close.
      if (closing) throw serverClosing();
      const controller = new AbortController();
      open.set(controller, { caller: request.callerName, limits });
      reply.raw.once('close', () => controller.abort());
      // Without keep-alive a closing server does not wait for the connection.
      reply.header('connection', 'close');
      reply.sse.sendHeaders();
      // From here on handlerTimeout does not apply.
      reply.hijack();
      try {
        for await (const message of source(controller.signal)) {
          if (controller.signal.aborted) break;
          const sending = typeof message === 'string' ? write(reply, message) : reply.sse.send(message);
          if (!(await isSent(sending, controller.signal, stallTimeoutMs))) break;
        }
      } catch (error) {
        logFailure(request.log, error, 'stream failed', {}, 'error');
      } finally {
        open.delete(controller);
        // The client does not read: discard the buffered data.
        if (reply.raw.writableNeedDrain) reply.raw.destroy();
        reply.sse.close();
      }
    },
  };
}

type OpenStream = { readonly caller: string; readonly limits: StreamLimits };

/** @returns undefined if the data was written, otherwise a promise for the drain of the connection */
function write({ raw }: FastifyReply, text: string): Promise<void> | undefined {
  if (raw.write(text)) return undefined;
  return new Promise((resolve) => raw.once('drain', resolve));
}

/** @returns false if the client disconnected or the timeout elapsed before the data was sent */
async function isSent(
  sending: Promise<void> | undefined,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<boolean> {
  if (sending === undefined) return true;
  const { promise: failed, resolve } = Promise.withResolvers<false>();
  const fail = (): void => resolve(false);
  const timer = setTimeout(fail, timeoutMs);
  signal.addEventListener('abort', fail);
  try {
    return await Promise.race([sending.then(() => true), failed]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', fail);
  }
}
