import { fastifyCors } from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Lets pages of exactly these origins call the API with a key of theirs; none unless they are named. */
export async function registerCors(app: FastifyInstance, origins: readonly string[] = []): Promise<void> {
  if (origins.length === 0) return;
  await app.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders,
    exposedHeaders,
    // Keys are sent by the page itself: no cookie, no certificate of the browser.
    credentials: false,
    // OPTIONS without the headers of a browser is no preflight.
    strictPreflight: true,
    maxAge: 600,
  });
}

const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Modified-Since',
  'If-None-Match',
  'Last-Event-ID',
  'Tidemark-Consistency',
  'X-Request-Id',
];

const exposedHeaders = [
  'ETag',
  'Idempotent-Replayed',
  'Last-Modified',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Tidemark-Consistency',
  'WWW-Authenticate',
  'X-Request-Id',
];
