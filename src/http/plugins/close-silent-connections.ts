import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Browsers open connections ahead of their requests. When the server closes, it waits for requests under way, but a
 * connection that never brought one is not idle to Node, and would be waited for too.
 */
export function closeSilentConnections(app: FastifyInstance): void {
  const silent = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.server.on('request', ({ socket }) => silent.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of silent) socket.destroy();
    // Once it closes, Node's own limits of requests count no more: one that never ends would be waited for.
    setTimeout(() => app.server.closeAllConnections(), lastRequestMs).unref();
  });
}

// Milliseconds.
const lastRequestMs = 4_000;
