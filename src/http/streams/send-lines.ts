import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkStreamLimit, closingDown } from './stream-limits.ts';

export const linesType = 'application/x-ndjson';

export type LineExports = {
  /**
   * Answers with one JSON value a line, as fast as the client takes them. A failure or a stop in the middle breaks the
   * connection: an answer that ends as it should is whole.
   *
   * @param read gets a signal that says that nobody reads any more
   * @throws Problem 429 or 503 where too many run, and whatever the first batch fails with, before anything is sent
   */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    read: (gone: AbortSignal) => AsyncGenerator<readonly unknown[], void, undefined>,
  ): Promise<FastifyReply>;
};

/** The longest that an export takes as a whole, in milliseconds: so long a snapshot is kept for it at most. */
export const exportLimitMs = 15 * 60_000;

const limits = { most: 4, maxPerKey: 2 } as const;

export function registerLineExports(
  app: FastifyInstance,
  /** A client that takes nothing for so long is given up. */
  stallLimitMs = 30_000,
): LineExports {
  const running = new Map<FastifyReply, string>();
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    for (const reply of running.keys()) reply.raw.destroy();
  });
  return {
    async answer(request, reply, read) {
      reply.type(linesType);
      if (request.method === 'HEAD') return reply.send(Readable.from([]));
      checkStreamLimit('exports', [...running.values()], request.callerName, limits);
      if (closing) throw closingDown();
      running.set(reply, request.callerName);
      const gone = new AbortController();
      reply.raw.once('close', () => {
        running.delete(reply);
        gone.abort();
      });
      if (reply.raw.destroyed) running.delete(reply);
      const batches = read(gone.signal);
      const first = await batches.next();
      const lines = toLines(first, batches, () => reply.raw.destroy(), stallLimitMs);
      return reply.send(Readable.from(lines, { objectMode: false }));
    },
  };
}

/** Whether the caller would rather have lines than a page. */
export function wantsLines({ headers: { accept = '' } }: FastifyRequest): boolean {
  const weights = new Map(accept.split(',').map(readRange));
  const lines = weights.get(linesType) ?? 0;
  return lines > 0 && lines >= (weights.get('application/json') ?? 0);
}

async function* toLines(
  first: IteratorResult<readonly unknown[], void>,
  batches: AsyncGenerator<readonly unknown[], void, undefined>,
  giveUp: () => void,
  stallLimitMs: number,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let batch = first; batch.done !== true; batch = await batches.next()) {
      const timer = setTimeout(giveUp, stallLimitMs);
      try {
        yield batch.value.map((value) => `${JSON.stringify(value)}\n`).join('');
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    await batches.return();
  }
}

/** `text/html;level=1;q=0.5` → the type and how much it is wanted. */
function readRange(range: string): [string, number] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return [type, weight === undefined ? 1 : Number(weight) || 0];
}
