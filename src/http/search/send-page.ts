import type { FastifyReply, FastifyRequest } from 'fastify';
import { encodeCursor } from './cursor.ts';
import type { KeysetPosition } from './keyset.ts';

/** Answers one page of a list, with the way to the next one in the body and as a `Link` header. */
export async function pageOf<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  list: string,
  data: T[],
  next: KeysetPosition | null,
): Promise<{ data: T[]; nextCursor: string | null }> {
  if (next === null) return { data, nextCursor: null };
  const nextCursor = await request.server.signCursor(encodeCursor(list, next));
  reply.header('link', `<${withCursor(request.url, nextCursor)}>; rel="next"`);
  return { data, nextCursor };
}

function withCursor(url: string, cursor: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `${path}?${parameters.toString()}`;
}
