import { constants } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyInstance } from 'fastify';

// Bytes. A smaller body fits into one packet.
const threshold = 1_024;

/**
 * Compresses text with brotli or gzip while it is sent. Event streams are not compressed: compression would delay their
 * messages. Must be registered before the routes.
 */
export async function registerCompression(app: FastifyInstance): Promise<void> {
  await app.register(fastifyCompress, {
    encodings: ['br', 'gzip'],
    threshold,
    // A window of 256 KiB instead of 4 MiB limits the memory of concurrent exports.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 } },
    customTypes: /^text\/(?!event-stream)|[/+-](?:json|ndjson)(?:;|$)|javascript|svg/,
    globalDecompression: false,
  });
}
