import { Type } from 'typebox';
import { retryFailed, retryOne } from '../../write-back/retry-failed.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters, RecordId, Text } from '../schemas/parameters.ts';
import { readAccountId } from '../schemas/parse-record-id.ts';
import { problemResponses, workProblemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';

export const WriteBackPath = Type.Object(
  { accountId: RecordId({ examples: ['001al00000K3N1wAAF'] }) },
  { additionalProperties: false },
);

export function registerWriteBackRetryRoutes(app: Server, { pool }: HttpDependencies): void {
  const one = { config: { scope: 'write' }, schema: oneSchema } as const;
  app.post('/v1/write-backs/:accountId/retry', one, async (request, reply) => {
    const accountId = readAccountId('accountId', request.params.accountId);
    const answer = await once(pool, request, async (client) => {
      if (!(await retryOne(client, accountId))) {
        throw new Problem('not-found', `Account ${accountId} has no code that could be sent.`);
      }
      return { status: 202, body: { accountId, state: 'pending' as const } };
    });
    sendIdempotent(reply, answer);
    return answer.body;
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
    'Sends the code of an account now: a failed one with all its tries, a waiting one without waiting any longer. Takes no body, or an empty object.',
  tags: ['Write-backs'],
  params: WriteBackPath,
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    202: Type.Object(
      { accountId: Type.String(), state: OneOf(['pending']) },
      {
        description: 'It waits to be sent; `GET /v1/write-backs/{accountId}` says what became of it.',
        headers: replayHeaders(),
      },
    ),
    ...workProblemResponses('not-found'),
  },
} as const;

const allSchema = {
  operationId: 'retryWriteBacks',
  summary: 'Send all codes again that failed for one cause',
  description:
    'For after the cause was mended in the org: a validation rule, a permission, a trigger. All failed codes with this error code are sent again, with all their tries. Needs no Idempotency-Key: repeated, it sends what has failed again meanwhile.',
  tags: ['Write-backs'],
  querystring: NoParameters,
  body: Type.Object(
    { errorCode: Text('The error code, such as `FIELD_CUSTOM_VALIDATION_EXCEPTION`.') },
    { additionalProperties: false },
  ),
  response: {
    202: Type.Object(
      { retried: Type.Integer({ minimum: 0, description: 'How many wait to be sent now.' }) },
      { description: 'They wait to be sent.' },
    ),
    ...problemResponses(
      'invalid-request',
      'unauthenticated',
      'forbidden',
      'payload-too-large',
      'unsupported-media-type',
    ),
  },
} as const;
