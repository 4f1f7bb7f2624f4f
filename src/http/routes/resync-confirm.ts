import { Type } from 'typebox';
import { confirmResync } from '../../resync/deletion/confirm-resync.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters, ResyncPath } from '../schemas/parameters.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { noSuchResync, readResync } from '../views/read-resync.ts';

export function registerResyncConfirmRoute(app: Server, { pool, enqueueResync }: HttpDependencies): void {
  app.post('/v1/resyncs/:id/confirm', { config: { scope: 'admin' }, schema }, async (request, reply) => {
    const { id } = request.params;
    const answer = await once(pool, request, async (client) => {
      const order = { id, confirmedBy: request.callerName };
      const outcome = await confirmResync(client, enqueueResync, order);
      if (outcome === 'unknown') throw noSuchResync(id);
      const body = await readResync(client, id);
      if (outcome === 'not waiting')
        throw new Problem('conflict', `The resync is ${body.state}: there is nothing to confirm.`);
      return { status: 202, location: `/v1/resyncs/${id}`, body };
    });
    sendIdempotent(reply, answer);
    return answer.body;
  });
}

const schema = {
  operationId: 'confirmResync',
  summary: 'Confirm deletions without proof',
  description:
    'Lets a resync in the state `needs-confirmation` go on. It looks once more for the accounts that Salesforce did not return; those that are still not visible are marked as deleted. Confirm only if they are deleted: if the integration user has lost a right, give it back, and the resync continues automatically. `DELETE` cancels the resync and keeps the accounts. Takes no body, or an empty object.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    202: {
      ...Named(ResyncSchema),
      description: 'Queued again; `Location` says where to follow it.',
      headers: replayHeaders({ Location: Type.String({ description: 'Path of the resync.' }) }),
    },
    ...workProblemResponses('not-found', 'conflict'),
  },
} as const;
