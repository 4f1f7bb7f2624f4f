import type { FastifyInstance } from 'fastify';

/**
 * Once the process is about to stop, every answer asks its client for another connection, so that none is left to send
 * a request into the moment of the end.
 */
export function closeWhenStopping(app: FastifyInstance, stopping: AbortSignal | undefined): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping?.aborted) reply.header('connection', 'close');
    done();
  });
}
