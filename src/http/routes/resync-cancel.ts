import { inTransaction } from '../../db/database.ts';
import { cancelResync } from '../../resync/request-resync.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters, ResyncPath } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { noSuchResync, readResync } from '../views/read-resync.ts';

export function registerResyncCancelRoute(app: Server, { pool }: HttpDependencies): void {
  app.delete('/v1/resyncs/:id', { config: { scope: 'write' }, schema }, async (request) => {
    const { id } = request.params;
    return inTransaction(pool, async (client) => {
      const outcome = await cancelResync(client, id);
      if (outcome === 'unknown') throw noSuchResync(id);
      const resync = await readResync(client, id);
      if (outcome === 'ended') {
        throw new Problem('conflict', `The resync is ${resync.state}: there is nothing to cancel.`);
      }
      return resync;
    });
  });
}

const schema = {
  operationId: 'cancelResync',
  summary: 'Cancel a resync',
  description:
    'It stops within seconds. What it has read and merged by then stays: each record was right when it was read. Cancelling again changes nothing.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: NoParameters,
  body: NoBody,
  response: {
    200: { ...Named(ResyncSchema), description: 'It is cancelled.' },
    ...problemResponses(
      'invalid-request',
      'unauthenticated',
      'forbidden',
      'not-found',
      'conflict',
      'payload-too-large',
      'unsupported-media-type',
    ),
  },
} as const;
