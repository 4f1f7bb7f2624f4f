import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Hooks of the org's whole HTTP side that let requests fail on purpose. */
export const faultHooks = (app: FastifyInstance, faults: HttpFaults): void => {
  const later = new WeakMap<FastifyRequest, LateFailure>();

  app.addHook('onRequest', async (request, reply) => {
    const asked = { method: request.method, url: request.url };
    const delayMs = faults.delayMs(asked);
    if (delayMs > 0) await wait(delayMs, undefined, { ref: false });
    const failure = faults.failure(asked);
    if (failure === undefined) return undefined;
    if (failure.kind === 'answer') return sendFailure(reply, failure);
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

/** Nobody knows the half of what is written while it is sent. */
async function* firstPiece(pieces: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const piece of pieces) {
    yield piece;
    return;
  }
}

const sendFailure = (reply: FastifyReply, { body, headers, status }: FailureAnswer) =>
  reply.code(status).headers(headers).send(body);

/** Misbehaviour of the HTTP side on purpose, asked anew for every request. */
export type HttpFaults = {
  failure(request: AskedRequest): HttpFailure | undefined;
  /** Milliseconds before anything is done. */
  delayMs(request: AskedRequest): number;
  /** Records of a query's page at most. */
  pageSize(): number | undefined;
  /** Whether a query for rows finds nothing although there is something. */
  isResultEmpty(soql: string): boolean;
  /** Whether the locator of a next page is refused although it is good. */
  isLocatorExpired(): boolean;
  /** How much of what was changed and deleted is told. */
  replication(): ReplicationFaults;
};

export type ReplicationFaults = {
  /** Ids an answer may hold. */
  readonly maxIds?: number;
  /** How far back the log of deletions reaches. */
  readonly deleteLogMinutes?: number;
  /** What is younger is not covered yet, for a long transaction is still open. */
  readonly openMinutes?: number;
};

/** `url` is the path with its query. */
export type AskedRequest = { readonly method: string; readonly url: string };

export type HttpFailure =
  | FailureAnswer
  /** No answer at all, ever. */
  | { readonly kind: 'no-answer' }
  /** The connection ends before anything is done. */
  | { readonly kind: 'cut-before' }
  /** The connection ends when everything is done, in place of the answer. */
  | { readonly kind: 'cut-after' }
  /** Half the body; of a stream, its first piece. */
  | { readonly kind: 'truncated' };

export type FailureAnswer = {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
};

type LateFailure = 'cut-after' | 'truncated';
