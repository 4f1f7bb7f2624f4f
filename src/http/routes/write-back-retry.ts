import { Type } from 'typebox';
import { retryFailed, retryOne } from '../../write-back/retry-failed.ts';
import { idempotentPost, replayHeaders, withIdempotencyKey } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { NoParameters, RecordId, Text } from '../schemas/parameters.ts';
import { parseAccountIdParameter } from '../schemas/parse-parameters.ts';
import { idempotentProblemResponses, problemResponses } from '../schemas/problem.ts';
import { Count, OneOf, StrictObject } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

export const WriteBackPath = StrictObject({ accountId: RecordId({ examples: ['001al00000K3N1wAAF'] }) });

export function registerWriteBackRetryRoutes(app: Server, { pool }: HttpDependencies): void {
  const one = { config: { scope: 'write' }, schema: oneSchema } as const;
  app.post('/v1/write-backs/:accountId/retry', one, async (request, reply) => {
    const accountId = parseAccountIdParameter('accountId', request.params.accountId);
    return withIdempotencyKey(pool, request, reply, async (client) => {
      if (!(await retryOne(client, accountId))) {
        throw new Problem('not-found', `Account ${accountId} has no code to send.`);
      }
      return { status: 202, body: { accountId, state: 'pending' as const } };
    });
  });

  const all = { config: { scope: 'write' }, schema: allSchema } as const;
  app.post('/v1/write-backs/retry', all, async (request, reply) => {
    const retried = await retryFailed(pool, [request.body.errorCode]);
    reply.code(202);
    return { retried };
  });
}

const oneSchema = {
  operationId: 'retryWriteBack',
  summary: 'Send one code again',
  description:
    'Sends the code of an account now: a failed code with its full number of attempts, a waiting code without further delay. Takes no body, or an empty object.',
  tags: ['Write-backs'],
  params: WriteBackPath,
  ...idempotentPost,
  response: {
    202: Type.Object(
      { accountId: Type.String(), state: OneOf(['pending']) },
      {
        description: 'Queued; `GET /v1/write-backs/{accountId}` shows the result.',
        headers: replayHeaders(),
      },
    ),
    ...idempotentProblemResponses('not-found'),
  },
} as const;

const allSchema = {
  operationId: 'retryWriteBacks',
  summary: 'Send all codes again that failed with one error',
  description:
    'For use after the cause is corrected in the org: a validation rule, a permission, a trigger. All failed codes with this error code are sent again with their full number of attempts. Does not need an Idempotency-Key: a repeated request sends the codes that have failed again since.',
  tags: ['Write-backs'],
  querystring: NoParameters,
  body: StrictObject({ errorCode: Text('The error code, such as `FIELD_CUSTOM_VALIDATION_EXCEPTION`.') }),
  response: {
    202: Type.Object({ retried: Count('Number of queued codes.') }, { description: 'Queued.' }),
    ...problemResponses('payload-too-large', 'unsupported-media-type'),
  },
} as const;
