import type { FastifyRequest } from 'fastify';
import { storeWebhookEvents } from '../../../ingest/store-webhooks.ts';
import { Problem } from '../../problem.ts';
import type { HttpDependencies, Server } from '../../server-types.ts';
import { changeEventsSchema } from './change-events-schema.ts';
import { parseChangeEvents } from './parse-change-events.ts';
import { hasValidSignature, parseSignedHeaders, type SignedHeaders } from './verify-signature.ts';
import { acceptRawBody, type ParseQueue, parseUtf8 } from './webhook-body.ts';

/** Receives change events as JSON. They are stored before the response is sent, and applied later. */
export function registerChangeEventRoute(
  scope: Server,
  dependencies: HttpDependencies,
  queue: ParseQueue,
): void {
  const { pool, webhooks, newestSchemaId, schemaFields } = dependencies;
  const keys = webhooks?.signingKeys ?? [];
  acceptRawBody(scope, ['application/json']);

  // Reject a request by its headers before its body is received.
  scope.addHook('onRequest', async (request) => {
    if (keys.length === 0)
      throw new Problem('not-found', 'WEBHOOK_SECRETS is not set: change events are not accepted.');
    requireSignedHeaders(request);
  });

  scope.post('/webhooks/change-events', { schema: changeEventsSchema }, async (request, reply) => {
    const headers = requireSignedHeaders(request);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!hasValidSignature(headers, body, keys)) throw untrusted();
    const schemaId = await newestSchemaId?.();
    const fields = schemaId === undefined ? undefined : await schemaFields?.(schemaId);
    if (schemaId === undefined || fields === undefined) {
      throw new Problem('unavailable', 'The fields of accounts are not known yet; try again.', {
        headers: { 'retry-after': '30' },
      });
    }
    const events = await queue(() => parseChangeEvents(parseUtf8(body), Date.now(), fields));
    const stored = await storeWebhookEvents(pool, { id: headers.id, body, events, schemaId });
    if (stored.kind === 'reused') {
      throw new Problem('key-reused', 'This webhook-id was used with another body; use a new one.');
    }
    reply.code(202);
    request.webhook = { received: events.length, stored: stored.kind === 'stored' ? stored.events : 0 };
    return request.webhook;
  });
}

function requireSignedHeaders(request: FastifyRequest): SignedHeaders {
  const headers = parseSignedHeaders(request.headers, Date.now());
  if (headers === undefined) throw untrusted();
  return headers;
}

function untrusted(): Problem {
  return new Problem('untrusted-sender', 'The signature is missing, expired or invalid.');
}
