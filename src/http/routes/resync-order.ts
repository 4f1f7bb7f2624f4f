import { Type } from 'typebox';
import { orderResync } from '../../resync/request-resync.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { readResyncOrder } from '../schemas/parse-resync-order.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { ResyncOrderSchema } from '../schemas/resync-order.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { readResync } from '../views/read-resync.ts';

export function registerResyncOrderRoute(app: Server, { pool, enqueueResync }: HttpDependencies): void {
  // Ten thousand ids, spaciously written.
  const options = { config: { scope: 'write' }, bodyLimit: 1024 * 1024, schema } as const;
  app.post('/v1/resyncs', options, async (request, reply) => {
    const order = readResyncOrder(request.body, Date.now());
    const answer = await once(pool, request, async (client) => {
      const by = { reason: 'manual', requestedBy: request.callerName };
      const { id, isNew } = await orderResync(client, enqueueResync, { ...order, ...by });
      const body = await readResync(client, id);
      return { status: isNew ? 202 : 200, location: `/v1/resyncs/${id}`, body };
    });
    sendIdempotent(reply, answer);
    return answer.body;
  });
}

const headers = replayHeaders({ Location: Type.String({ description: 'Path of the resync.' }) });

const schema = {
  operationId: 'createResync',
  summary: 'Read from Salesforce again',
  description:
    'Starts a resync; follow it at `Location`. Of the scope `all`, one resync of each mode runs at a time: while one does, the answer is 200 with that one, and nothing is started.',
  tags: ['Resyncs'],
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: ResyncOrderSchema,
  response: {
    200: { ...Named(ResyncSchema), description: 'One is under way already: this one.', headers },
    202: { ...Named(ResyncSchema), description: 'Queued.', headers },
    ...workProblemResponses(),
  },
} as const;
