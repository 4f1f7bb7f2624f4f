import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Hooks of all routes that make requests fail. */
export const faultHooks = (app: FastifyInstance, faults: HttpFaults): void => {
  const later = new WeakMap<FastifyRequest, LateFailure>();

  app.addHook('onRequest', async (request, reply) => {
    const target = { method: request.method, url: request.url };
    const delayMs = faults.delayMs(target);
    if (delayMs > 0) await wait(delayMs, undefined, { ref: false });
    const failure = faults.failure(target);
    if (failure === undefined) return undefined;
    if (failure.kind === 'response') return sendFailure(reply, failure);
    if (failure.kind === 'cut-after' || failure.kind === 'truncated') {
      later.set(request, failure.kind);
      return undefined;
    }
    reply.hijack();
    if (failure.kind === 'cut-before') request.raw.socket.destroy();
    return undefined;
  });

  app.addHook('onSend', async (request, _reply, payload) => {
    const failure = later.get(request);
    if (failure === 'cut-after') request.raw.socket.destroy();
    if (failure !== 'truncated') return payload;
    if (payload instanceof Readable) return Readable.from(firstPiece(payload), { objectMode: false });
    return typeof payload === 'string' ? payload.slice(0, payload.length >> 1) : payload;
  });
};

/** The length of a stream is unknown, so its first piece replaces half of it. */
async function* firstPiece(pieces: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const piece of pieces) {
    yield piece;
    return;
  }
}

const sendFailure = (reply: FastifyReply, { body, headers, status }: FailureResponse) =>
  reply.code(status).headers(headers).send(body);

/** Faults of HTTP requests; each function is called for every request. */
export type HttpFaults = {
  failure(request: RequestTarget): HttpFailure | undefined;
  /** Milliseconds before the request is executed. */
  delayMs(request: RequestTarget): number;
  /** Maximum number of records of a page of a query. */
  pageSize(): number | undefined;
  /** Whether a query for rows has an empty result. */
  isResultEmpty(soql: string): boolean;
  /** Whether a valid locator is refused. */
  isLocatorExpired(): boolean;
  /** Limits of the lists of updated and deleted records. */
  replication(): ReplicationFaults;
};

export type ReplicationFaults = {
  /** Maximum number of ids in a response. */
  readonly maxIds?: number;
  /** Age of the oldest entry of the deletion log. */
  readonly deleteLogMinutes?: number;
  /** Newer changes are not covered yet, as if a long transaction were open. */
  readonly openMinutes?: number;
};

/** `url` is the path with its query. */
export type RequestTarget = { readonly method: string; readonly url: string };

export type HttpFailure =
  | FailureResponse
  /** No response. */
  | { readonly kind: 'no-answer' }
  /** The connection is closed before the request is executed. */
  | { readonly kind: 'cut-before' }
  /** The request is executed, then the connection is closed without a response. */
  | { readonly kind: 'cut-after' }
  /** Half the body; of a stream, its first piece. */
  | { readonly kind: 'truncated' };

export type FailureResponse = {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
};

type LateFailure = 'cut-after' | 'truncated';
