import type { FastifyRequest } from 'fastify';
import { storeWebhookEvents } from '../../../ingest/store-webhooks.ts';
import type { HttpDependencies } from '../../dependencies.ts';
import { Problem } from '../../problem.ts';
import type { Server } from '../../server-type.ts';
import { changeEventsSchema } from './describe-change-events.ts';
import { keepBytes, readText } from './read-body.ts';
import { readChangeEvents } from './read-change-events.ts';
import type { Turns } from './take-turns.ts';
import { isSigned, readSignedHeaders, type SignedHeaders } from './verify-signature.ts';

/** Change events as JSON, for orgs that relay them by HTTP. Stored before it is answered, applied later. */
export function registerChangeEventRoute(scope: Server, dependencies: HttpDependencies, turns: Turns): void {
  const { pool, webhooks, newestSchemaId, schemaFields } = dependencies;
  const keys = webhooks?.signingKeys ?? [];
  keepBytes(scope, ['application/json']);

  // A body of megabytes is not waited for where the headers alone say no.
  scope.addHook('onRequest', async (request) => {
    if (keys.length === 0) throw new Problem('not-found', 'No change events are taken here.');
    signedHeaders(request);
  });

  scope.post('/webhooks/change-events', { schema: changeEventsSchema }, async (request, reply) => {
    const headers = signedHeaders(request);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isSigned(headers, body, keys)) throw untrusted();
    const schemaId = await newestSchemaId?.();
    const fields = schemaId === undefined ? undefined : await schemaFields?.(schemaId);
    if (schemaId === undefined || fields === undefined) {
      const again = { headers: { 'retry-after': '30' } };
      throw new Problem('unavailable', 'The fields of accounts are not known yet; try again.', again);
    }
    const events = await turns(() => readChangeEvents(readText(body), Date.now(), fields));
    const stored = await storeWebhookEvents(pool, { id: headers.id, body, events, schemaId });
    if (stored.kind === 'reused') {
      throw new Problem('key-reused', 'This webhook-id came with another body before: take a new one.');
    }
    reply.code(202);
    const count = stored.kind === 'stored' ? stored.events : 0;
    return { received: events.length, stored: count };
  });
}

function signedHeaders(request: FastifyRequest): SignedHeaders {
  const headers = readSignedHeaders(request.headers, Date.now());
  if (headers === undefined) throw untrusted();
  return headers;
}

function untrusted(): Problem {
  return new Problem('untrusted-sender', 'The signature is missing, too old or not valid.');
}
