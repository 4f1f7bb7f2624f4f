import { fastifyCors } from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Allows web pages of these origins to call the API. */
export async function registerCors(app: FastifyInstance, origins: readonly string[] = []): Promise<void> {
  if (origins.length === 0) return;
  await app.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders,
    exposedHeaders,
    // Pages send an API key, not cookies or client certificates.
    credentials: false,
    // OPTIONS without the headers of a preflight is handled elsewhere.
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
