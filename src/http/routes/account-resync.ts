import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { readAccountId } from '../read-record-id.ts';
import { AccountPath, NoBody, NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { QueuedResyncSchema } from '../schemas/resync.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server.ts';

export function addAccountResyncRoute(app: Server, { requestAccountResync }: HttpDependencies): void {
  app.addSchema(QueuedResyncSchema);

  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/accounts/:id/resync', options, async (request, reply) => {
    const accountId = readAccountId('id', request.params.id);
    const { id } = await requestAccountResync(accountId, request.callerName);
    reply.code(202).header('location', `/v1/resyncs/${id}`);
    return { id, accountId, state: 'queued' } as const;
  });
}

const schema = {
  operationId: 'resyncAccount',
  summary: 'Read one account again',
  description:
    'Has the account read from Salesforce again, soon. An account that the mirror does not hold is welcome: it may exist there. Takes no body, or an empty object.',
  tags: ['Accounts', 'Resyncs'],
  params: AccountPath,
  querystring: NoParameters,
  body: NoBody,
  response: {
    202: {
      ...Named(QueuedResyncSchema),
      description: 'Queued; `Location` says where to follow it.',
      headers: { Location: Type.String({ description: 'Path of the resync.' }) },
    },
    ...problemResponses(
      'invalid-request',
      'unauthenticated',
      'forbidden',
      'payload-too-large',
      'unsupported-media-type',
    ),
  },
} as const;
