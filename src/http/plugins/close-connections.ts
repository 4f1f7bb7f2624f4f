import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Closes connections that never sent a request when the server closes. Browsers open them in advance, and Node does not
 * consider them idle, so it would wait for them.
 */
export function registerUnusedConnectionCleanup(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }) => unused.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
    // Node does not enforce its request timeouts while it closes: it would wait forever for an incomplete request.
    setTimeout(() => app.server.closeAllConnections(), closeTimeoutMs).unref();
  });
}

const closeTimeoutMs = 4_000;

/** Sends `Connection: close` during the shutdown, so that no keep-alive connection is open when the server closes. */
export function registerConnectionClose(app: FastifyInstance, stopping: AbortSignal | undefined): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping?.aborted) reply.header('connection', 'close');
    done();
  });
}
