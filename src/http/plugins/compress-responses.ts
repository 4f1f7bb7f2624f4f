import { constants } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyInstance } from 'fastify';

// Bytes. A smaller body travels in one packet anyway.
const threshold = 1_024;

/**
 * Compresses what is text by brotli or gzip, as the client takes it, piece by piece as it is sent. Streams of events stay
 * as they are: every message is to arrive at once. Must come before the routes.
 */
export async function compressAnswers(app: FastifyInstance): Promise<void> {
  // Said of every answer: one that is not compressed now would be for another client.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('vary', 'accept-encoding');
    done();
  });
  await app.register(fastifyCompress, {
    encodings: ['br', 'gzip'],
    threshold,
    // A window of 256 KiB instead of 4 MiB: many exports at a time stay small.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 } },
    customTypes: /^text\/(?!event-stream)|[/+-](?:json|ndjson)(?:;|$)|javascript|svg/,
    globalDecompression: false,
  });
}
