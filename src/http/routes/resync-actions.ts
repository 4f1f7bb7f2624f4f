import { Type } from 'typebox';
import { inTransaction } from '../../db/database.ts';
import { confirmResync } from '../../resync/deletion/confirm-resync.ts';
import { cancelResync, orderResync } from '../../resync/request-resync.ts';
import {
  idempotencyHeader,
  idempotentPost,
  resyncHeaders,
  withIdempotencyKey,
} from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters, ResyncPath } from '../schemas/parameters.ts';
import { idempotentProblemResponses, problemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { parseResyncOrder, ResyncOrderSchema } from '../schemas/resync-order.ts';
import { Named } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { readResync, unknownResync } from '../views/resync.ts';

export function registerResyncActions(app: Server, { pool, enqueueResync }: HttpDependencies): void {
  // 1 MiB holds 10,000 ids.
  const createOptions = { config: { scope: 'write' }, bodyLimit: 1024 * 1024, schema: createSchema } as const;
  app.post('/v1/resyncs', createOptions, async (request, reply) => {
    const order = parseResyncOrder(request.body, Date.now());
    return withIdempotencyKey(pool, request, reply, async (client) => {
      const origin = { reason: 'manual', requestedBy: request.callerName };
      const { id, isNew } = await orderResync(client, enqueueResync, { ...order, ...origin });
      const body = await readResync(client, id);
      return { status: isNew ? 202 : 200, location: `/v1/resyncs/${id}`, body };
    });
  });

  const cancelOptions = { config: { scope: 'write' }, schema: cancelSchema } as const;
  app.delete('/v1/resyncs/:id', cancelOptions, async ({ params: { id } }) =>
    inTransaction(pool, async (client) => {
      const outcome = await cancelResync(client, id);
      if (outcome === 'unknown') throw unknownResync(id);
      const resync = await readResync(client, id);
      if (outcome === 'ended') {
        throw new Problem('conflict', `The resync is ${resync.state}: there is nothing to cancel.`);
      }
      return resync;
    }),
  );

  const confirmOptions = { config: { scope: 'admin' }, schema: confirmSchema } as const;
  app.post('/v1/resyncs/:id/confirm', confirmOptions, async (request, reply) => {
    const { id } = request.params;
    return withIdempotencyKey(pool, request, reply, async (client) => {
      const outcome = await confirmResync(client, enqueueResync, { id, confirmedBy: request.callerName });
      if (outcome === 'unknown') throw unknownResync(id);
      const body = await readResync(client, id);
      if (outcome === 'not waiting') {
        throw new Problem('conflict', `The resync is ${body.state}: there is nothing to confirm.`);
      }
      return { status: 202, location: `/v1/resyncs/${id}`, body };
    });
  });
}

const createSchema = {
  operationId: 'createResync',
  summary: 'Read from Salesforce again',
  description:
    'Starts a resync; follow it at `Location`. Only one resync with scope `all` runs per mode: if one is running, the response is 200 with that resync, and no other is started.',
  tags: ['Resyncs'],
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: ResyncOrderSchema,
  response: {
    200: {
      ...Named(ResyncSchema),
      description: 'A resync is already running: this one.',
      headers: resyncHeaders,
    },
    202: { ...Named(ResyncSchema), description: 'Queued.', headers: resyncHeaders },
    ...idempotentProblemResponses(),
  },
} as const;

const cancelSchema = {
  operationId: 'cancelResync',
  summary: 'Cancel a resync',
  description:
    'It stops within seconds. Records that it has already merged stay in the mirror: each was correct when it was read. Cancelling again has no effect.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: NoParameters,
  body: NoBody,
  response: {
    200: { ...Named(ResyncSchema), description: 'The resync is cancelled.' },
    ...problemResponses('not-found', 'conflict', 'payload-too-large', 'unsupported-media-type'),
  },
} as const;

const confirmSchema = {
  operationId: 'confirmResync',
  summary: 'Confirm deletions without proof',
  description:
    'Resumes a resync in the state `needs-confirmation`. It checks the accounts that Salesforce did not return once more; those that are still not visible are marked as deleted. Confirm only if they are deleted: if the integration user has lost a permission, restore it, and the resync continues automatically. `DELETE` cancels the resync and keeps the accounts. Takes no body, or an empty object.',
  tags: ['Resyncs'],
  params: ResyncPath,
  ...idempotentPost,
  response: {
    202: {
      ...Named(ResyncSchema),
      description: 'Queued again; follow it at `Location`.',
      headers: resyncHeaders,
    },
    ...idempotentProblemResponses('not-found', 'conflict'),
  },
} as const;
