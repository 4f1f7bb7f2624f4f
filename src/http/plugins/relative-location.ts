import path from 'node:path';
import type { FastifyInstance } from 'fastify';

/**
 * Makes a `Location` of this server relative to the URL of the request, so that it is correct behind a proxy that adds a
 * prefix to the path.
 */
export function registerRelativeLocation(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && location.startsWith('/'))
      reply.header('location', relativeReference(request.url, location));
    done();
  });
}

/** The reference that resolves to the path `to` at the URL `from`. */
export function relativeReference(from: string, to: string): string {
  const [fromPath = ''] = from.split('?', 1);
  const folder = fromPath.slice(0, fromPath.lastIndexOf('/') + 1);
  if (to.endsWith('/')) return `${path.posix.relative(folder, to) || '.'}/`;
  return path.posix.join(path.posix.relative(folder, path.posix.dirname(to)), path.posix.basename(to));
}
