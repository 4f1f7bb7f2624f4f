import { Type } from 'typebox';
import { orderResync } from '../../resync/request-resync.ts';
import { idempotencyHeader, resyncHeaders, withIdempotencyKey } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { AccountSchema } from '../schemas/account.ts';
import { AccountPath, NoBody } from '../schemas/parameters.ts';
import { parseAccountIdParameter } from '../schemas/parse-parameters.ts';
import { idempotentProblemResponses } from '../schemas/problem.ts';
import { QueuedResyncSchema } from '../schemas/resync.ts';
import { Named, StrictObject } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { waitForResync } from '../streams/follow-resync.ts';
import { decodeAccount } from '../views/account-columns.ts';
import { readAccount } from '../views/read-account.ts';

const maxWaitMs = 10_000;
/** Above this number of waiting requests, `wait` is ignored. */
const maxWaiting = 50;

export function registerAccountResyncRoute(app: Server, dependencies: HttpDependencies): void {
  const { pool, enqueueResync } = dependencies;
  app.addSchema(QueuedResyncSchema);
  let waiting = 0;
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/accounts/:id/resync', options, async (request, reply) => {
    const accountId = parseAccountIdParameter('id', request.params.id);
    const queued = await withIdempotencyKey(pool, request, reply, async (client) => {
      const order = { ...oneAccount, accountIds: [accountId], requestedBy: request.callerName };
      const { id } = await orderResync(client, enqueueResync, order);
      const body = { id, accountId, state: 'queued' as const };
      return { status: 202, location: `/v1/resyncs/${id}`, body };
    });
    if (request.query.wait !== true || waiting >= maxWaiting) return queued;
    waiting++;
    try {
      const signal = AbortSignal.any([request.signal, closing.signal, AbortSignal.timeout(maxWaitMs)]);
      const state = (await waitForResync({ ...dependencies, id: queued.id }, signal))?.state ?? 'queued';
      if (state !== 'done') return { ...queued, state };
    } finally {
      waiting--;
    }
    const account = await readAccountJson(dependencies, accountId);
    reply.code(200).removeHeader('location');
    return account;
  });
}

const oneAccount = { scope: 'accounts', mode: 'repair', repairs: false, reason: 'manual' } as const;

async function readAccountJson({ pool, fieldNames, signupCodeField }: HttpDependencies, id: string) {
  const shape = { fieldNames: await fieldNames(), signupCodeField };
  const row = await readAccount(pool, shape, id);
  if (row === undefined) {
    throw new Problem('not-found', `Account ${id} exists neither in Salesforce nor in the mirror.`);
  }
  return decodeAccount(row, shape);
}

const schema = {
  operationId: 'resyncAccount',
  summary: 'Read one account again',
  description:
    'Reads the account from Salesforce again. The account does not have to be in the mirror: it may exist in Salesforce. Takes no body, or an empty object.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: StrictObject({
    wait: Type.Optional(
      Type.Boolean({
        description:
          'Wait up to 10 seconds for the read and return the account: 200, or 404 if it exists neither in Salesforce nor in the mirror. After 10 seconds the response is 202.',
      }),
    ),
  }),
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    200: { ...Named(AccountSchema), description: 'The account after the read; only with `wait`.' },
    202: {
      ...Named(QueuedResyncSchema),
      description: 'Queued; follow it at `Location`.',
      headers: resyncHeaders,
    },
    ...idempotentProblemResponses('not-found'),
  },
} as const;
