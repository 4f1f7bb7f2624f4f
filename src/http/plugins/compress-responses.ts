import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyInstance, FastifyReply, FastifyRequest, onSendAsyncHookHandler } from 'fastify';

// Bytes. A smaller body fits into one packet.
const threshold = 1_024;

/**
 * Compresses text with brotli or gzip while it is sent. Event streams are not compressed: compression would delay their
 * messages. Must be registered before the routes.
 */
export async function registerCompression(app: FastifyInstance): Promise<void> {
  const compressOnce = createOnceCompressor();
  // Before the hook of the plugin, which reads `compress`.
  app.addHook('onRoute', (route) => {
    if (!/^\/(?:docs\/|assets\/|openapi\.json$)/.test(route.url)) return;
    route.compress = false;
    route.onSend = [compressOnce, ...[route.onSend ?? []].flat()];
  });
  await app.register(fastifyCompress, {
    encodings: ['br', 'gzip'],
    threshold,
    // A window of 256 KiB instead of 4 MiB limits the memory of concurrent exports.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 } },
    customTypes: compressible,
    globalDecompression: false,
  });
}

const compressible = /^text\/(?!event-stream)|[/+-](?:json|ndjson)(?:;|$)|javascript|svg/;

/** The documentation and the console do not change while the process runs: each file is compressed once and kept. */
function createOnceCompressor(): onSendAsyncHookHandler {
  const kept = new Map<string, Compressed>();
  return async (request, reply, payload) => {
    void reply.header('vary', 'accept-encoding');
    const encoding = chooseEncoding(request, reply);
    if (encoding === undefined) return payload;
    const isText = typeof payload === 'string';
    if (!isText && !isReadable(payload)) return payload;
    const version = isText ? payload : reply.getHeader('etag');
    const key = `${encoding} ${request.url.split('?', 1)[0]}`;
    let found = kept.get(key);
    if (found === undefined || found.version !== version) {
      found = compress(payload, version, encoding);
      kept.set(key, found);
      found.body.catch(() => kept.delete(key));
    } else if (!isText) payload.destroy();
    const body = await found.body;
    reply.removeHeader('content-length').removeHeader('accept-ranges');
    void reply.header('content-encoding', encoding);
    return body;
  };
}

function compress(payload: string | NodeJS.ReadableStream, version: unknown, encoding: Encoding): Compressed {
  const whole = typeof payload === 'string' ? Promise.resolve(Buffer.from(payload)) : buffer(payload);
  return { version, body: whole.then(compressors[encoding]) };
}

/** `version` tells whether a file has changed. */
type Compressed = { readonly version: unknown; readonly body: Promise<Buffer> };

type Encoding = 'br' | 'gzip';

const compressors = {
  br: promisify<Buffer, Buffer>(brotliCompress),
  gzip: promisify<Buffer, Buffer>(gzip),
} as const satisfies Record<Encoding, unknown>;

/** Undefined if the response is sent as it is. */
function chooseEncoding(request: FastifyRequest, reply: FastifyReply): Encoding | undefined {
  const type = String(reply.getHeader('content-type') ?? '');
  const isPart = request.headers.range !== undefined;
  if (request.method !== 'GET' || reply.statusCode !== 200 || isPart || !compressible.test(type))
    return undefined;
  const accepted = String(request.headers['accept-encoding'] ?? '');
  return (['br', 'gzip'] as const).find((encoding) =>
    new RegExp(`(?:^|[ ,])${encoding}(?! *; *q=0(?:\\.0*)? *(?:,|$))(?: *[;,]|$)`, 'i').test(accepted),
  );
}

function isReadable(payload: unknown): payload is NodeJS.ReadableStream & { destroy(): void } {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload && 'destroy' in payload;
}
