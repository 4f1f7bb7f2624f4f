import type { FastifyReply, FastifyRequest } from 'fastify';
import { matchesTag } from './etag.ts';

/**
 * Says of a resource which state it is shown in, and whether the caller has it in that state already: by its tag, or
 * where none is sent by its time.
 */
export function isNotModified(request: FastifyRequest, reply: FastifyReply, state: State): boolean {
  reply.header('etag', state.tag);
  const second = Math.floor(state.changedAt.getTime() / 1_000) * 1_000;
  // HTTP's times are of whole seconds: until one is over, another change may still fall into it.
  const isOver = second + 1_000 <= Date.now();
  if (isOver) reply.header('last-modified', new Date(second).toUTCString());
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers;
  if (tags !== undefined) return matchesTag(tags, state.tag);
  return isOver && since !== undefined && second <= Date.parse(since);
}

/** Without a body: Fastify takes null for one where it answers HEAD. */
export function sendNotModified(reply: FastifyReply): FastifyReply {
  return reply.code(304).send();
}

export type State = { readonly tag: string; readonly changedAt: Date };
