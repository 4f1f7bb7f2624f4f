import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { checkStreamLimit, serverClosing } from './stream-limits.ts';

export const linesType = 'application/x-ndjson';

export type LineExports = {
  /**
   * Sends JSON texts, one per line, with backpressure. On a failure or shutdown the connection is closed: a response that
   * ends normally is complete.
   *
   * @param read receives a signal that is aborted when the client disconnects
   * @throws Problem 429 or 503 if too many exports run, and errors of the first batch, before anything is sent
   */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    read: (signal: AbortSignal) => AsyncGenerator<readonly string[], void, undefined>,
  ): Promise<FastifyReply>;
};

/** The maximum duration of an export, and so the maximum age of its snapshot. */
export const maxExportMs = 15 * 60_000;

const limits = { max: 4, maxPerKey: 2 } as const;

export function registerLineExports(
  app: FastifyInstance,
  /** A client that reads nothing for this time is disconnected. */
  stallTimeoutMs = 30_000,
): LineExports {
  const running = new Map<FastifyReply, string>();
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    for (const reply of running.keys()) reply.raw.destroy();
  });
  return {
    async send(request, reply, read) {
      reply.type(linesType);
      if (request.method === 'HEAD') return reply.send(Readable.from([]));
      checkStreamLimit('exports', [...running.values()], request.callerName, limits);
      if (closing) throw serverClosing();
      running.set(reply, request.callerName);
      const controller = new AbortController();
      reply.raw.once('close', () => {
        running.delete(reply);
        controller.abort();
      });
      if (reply.raw.destroyed) running.delete(reply);
      const batches = read(controller.signal);
      const first = await batches.next();
      const lines = toLines(first, batches, () => reply.raw.destroy(), stallTimeoutMs);
      return reply.send(Readable.from(lines, { objectMode: false }));
    },
  };
}

/**
 * HTTP/1.0 has no chunks: the end of the connection would be the only sign of the end.
 * @throws Problem 426 over HTTP/1.0
 */
export function requireChunks({ raw }: FastifyRequest): void {
  if (raw.httpVersion !== '1.0') return;
  throw new Problem(
    'upgrade-required',
    'Exports need HTTP/1.1; this request came over HTTP/1.0. Set proxy_http_version 1.1 in nginx.',
    {
      headers: { upgrade: 'HTTP/1.1' },
    },
  );
}

/** Whether the client prefers lines to a page. */
export function acceptsLines({ headers: { accept = '' } }: FastifyRequest): boolean {
  const weights = new Map(accept.split(',').map(parseMediaRange));
  const lines = weights.get(linesType) ?? 0;
  return lines > 0 && lines >= (weights.get('application/json') ?? 0);
}

async function* toLines(
  first: IteratorResult<readonly string[], void>,
  batches: AsyncGenerator<readonly string[], void, undefined>,
  disconnect: () => void,
  stallTimeoutMs: number,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let batch = first; batch.done !== true; batch = await batches.next()) {
      const timer = setTimeout(disconnect, stallTimeoutMs);
      try {
        yield batch.value.map((text) => `${text}\n`).join('');
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    await batches.return();
  }
}

/** Parses `text/html;level=1;q=0.5` into type and weight. */
function parseMediaRange(range: string): [string, number] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return [type, weight === undefined ? 1 : Number(weight) || 0];
}
