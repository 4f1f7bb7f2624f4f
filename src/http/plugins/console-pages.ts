import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fastifyStatic } from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Server } from '../server-types.ts';

/** Sends the web console if a browser requests one of its views. Returns whether it did. */
export type SendConsole = (request: FastifyRequest, reply: FastifyReply) => boolean;

/**
 * Serves the files of the web console under `/assets/`. Their names contain a hash of their content.
 * Without a build of the console, every client gets the responses of the API.
 */
export async function registerConsole(app: Server): Promise<void> {
  if (!existsSync(folder)) return;
  await app.register(fastifyStatic, {
    root: fileURLToPath(new URL('assets/', folder)),
    prefix: '/assets/',
    immutable: true,
    maxAge: '365d',
  });
}

export function createSendConsole(): SendConsole {
  const file = new URL('index.html', folder);
  if (!existsSync(file)) return () => false;
  const page = readFileSync(file, 'utf8');
  return (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (!['GET', 'HEAD'].includes(request.method) || !views.test(path) || !prefersHtml(request)) return false;
    // Relative, so that the console works behind a proxy that adds a prefix to the path.
    const toRoot = '../'.repeat(path.split('/').length - 2) || './';
    void reply
      .header('content-security-policy', contentSecurityPolicy)
      .header('cache-control', 'no-cache')
      .header('vary', 'accept, accept-encoding')
      .type('text/html; charset=utf-8')
      .send(page.replaceAll('"./assets/', `"${toRoot}assets/`));
    return true;
  };
}

const folder = new URL('../../../console/dist/', import.meta.url);

/** The paths that `console/src/app.tsx` displays. */
const views =
  /^\/(?:(?:accounts|events|transactions|resyncs)(?:\/[^/]+)?|codes|incidents|system|salesforce-simulator)?$/;

/** Browsers list `text/html` when they open a page; clients of the API accept JSON or anything. */
function prefersHtml({ headers: { accept = '' } }: FastifyRequest): boolean {
  return /(?:^|,)\s*text\/html\s*(?:,|$)/.test(accept);
}

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');
