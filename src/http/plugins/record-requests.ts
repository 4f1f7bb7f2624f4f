import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestLog } from '../../operations/request-log.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What became of a webhook request. */
    webhook: { readonly received: number; readonly stored: number } | null;
    /** Why the request was rejected. */
    rejection: string | null;
  }
}

const readMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Records requests with a key that may change something, webhook requests, and the use of keys. */
export function registerRequestRecorder(app: FastifyInstance, requestLog: RequestLog | undefined): void {
  app.decorateRequest('webhook', null);
  app.decorateRequest('rejection', null);
  if (requestLog === undefined) return;
  app.addHook('onResponse', (request, reply, done) => {
    const { callerName, method, routeOptions } = request;
    if (callerName !== '') requestLog.used(callerName);
    const webhook = webhookEndpoint(routeOptions.url);
    if (webhook !== undefined)
      requestLog.add({ ...outcome(request, reply), ...webhookFacts(request), path: webhook });
    else if (callerName !== '' && !readMethods.has(method)) requestLog.add(outcome(request, reply));
    done();
  });
}

/** Without the secret that its path may contain. */
function webhookEndpoint(route: string | undefined): string | undefined {
  return /^\/webhooks\/[a-z-]+/.exec(route ?? '')?.[0];
}

function outcome(request: FastifyRequest, reply: FastifyReply) {
  return {
    at: new Date(),
    kind: 'action' as const,
    caller: request.callerName,
    method: request.method,
    path: request.url.split('?', 1)[0] ?? '',
    status: reply.statusCode,
    requestId: request.id,
    problem: request.rejection,
    received: null,
    stored: null,
  };
}

function webhookFacts(request: FastifyRequest) {
  const id = request.headers['webhook-id'];
  return {
    kind: 'webhook' as const,
    caller: request.ip,
    requestId: typeof id === 'string' ? id.slice(0, 255) : null,
    received: request.webhook?.received ?? null,
    stored: request.webhook?.stored ?? null,
  };
}
