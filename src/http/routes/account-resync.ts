import { Type } from 'typebox';
import { orderResync } from '../../resync/request-resync.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { AccountSchema } from '../schemas/account.ts';
import { AccountPath, NoBody } from '../schemas/parameters.ts';
import { readAccountId } from '../schemas/parse-record-id.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { QueuedResyncSchema } from '../schemas/resync.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { waitForEnd } from '../streams/follow-resync.ts';
import { accountJson } from '../views/account.ts';

const waitLimitMs = 10_000;
/** Beyond it nobody else waits: the answer is the usual one, at once. */
const maxWaiting = 50;

export function registerAccountResyncRoute(app: Server, dependencies: HttpDependencies): void {
  const { pool, enqueueResync } = dependencies;
  app.addSchema(QueuedResyncSchema);
  let waiting = 0;
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/accounts/:id/resync', options, async (request, reply) => {
    const accountId = readAccountId('id', request.params.id);
    const answer = await once(pool, request, async (client) => {
      const order = { ...oneAccount, accountIds: [accountId], requestedBy: request.callerName };
      const { id } = await orderResync(client, enqueueResync, order);
      return {
        status: 202,
        location: `/v1/resyncs/${id}`,
        body: { id, accountId, state: 'queued' as const },
      };
    });
    sendIdempotent(reply, answer);
    if (request.query.wait !== true || waiting >= maxWaiting) return answer.body;
    waiting++;
    try {
      const limit = AbortSignal.any([request.signal, closing.signal, AbortSignal.timeout(waitLimitMs)]);
      const state = (await waitForEnd({ ...dependencies, id: answer.body.id }, limit))?.state ?? 'queued';
      if (state !== 'done') return { ...answer.body, state };
    } finally {
      waiting--;
    }
    const account = await readFreshAccount(dependencies, accountId);
    reply.code(200).removeHeader('location');
    return account;
  });
}

const oneAccount = { scope: 'accounts', mode: 'repair', repairs: false, reason: 'manual' } as const;

async function readFreshAccount({ prisma, fieldNames, signupCodeField }: HttpDependencies, id: string) {
  const row = await prisma.account.findUnique({ where: { id } });
  if (row === null) {
    throw new Problem('not-found', `Neither Salesforce nor the mirror has an account ${id}.`);
  }
  return accountJson(row, { fieldNames: await fieldNames(), signupCodeField });
}

const schema = {
  operationId: 'resyncAccount',
  summary: 'Read one account again',
  description:
    'Has the account read from Salesforce again, soon. An account that the mirror does not hold is welcome: it may exist there. Takes no body, or an empty object.',
  tags: ['Accounts', 'Resyncs'],
  params: AccountPath,
  querystring: Type.Object(
    {
      wait: Type.Optional(
        Type.Boolean({
          description:
            'Wait up to 10 seconds until it has been read, and answer the account itself: 200, or 404 where neither Salesforce nor the mirror has it. After that time the answer is the usual 202.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    200: { ...Named(AccountSchema), description: 'The account as it was just read; only with `wait`.' },
    202: {
      ...Named(QueuedResyncSchema),
      description: 'Queued; `Location` says where to follow it.',
      headers: replayHeaders({ Location: Type.String({ description: 'Path of the resync.' }) }),
    },
    ...workProblemResponses('not-found'),
  },
} as const;
