import { Type } from 'typebox';
import type { CodeAnswer } from '../../write-back/assign-code.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { requireScope } from '../plugins/authenticate.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { codeStates } from '../schemas/account.ts';
import { AccountPath, NoParameters } from '../schemas/parameters.ts';
import { readAccountId } from '../schemas/parse-record-id.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';

export function registerAccountSignupCodeRoute(
  app: Server,
  { pool, requestSignupCode }: HttpDependencies,
): void {
  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/accounts/:id/signup-code', options, async (request, reply) => {
    const accountId = readAccountId('id', request.params.id);
    const regenerate = request.body?.regenerate === true;
    if (regenerate) requireScope(request, 'admin');
    const answer = await once(pool, request, async (client) => {
      const order = { accountId, regenerate, requestedBy: request.callerName };
      const code = codeOf(accountId, await requestSignupCode(client, order));
      return {
        status: code.made ? 202 : 200,
        location: `/v1/write-backs/${accountId}`,
        body: { accountId, signupCode: code.signupCode, codeState: code.state },
      };
    });
    sendIdempotent(reply, answer);
    return answer.body;
  });
}

function codeOf(accountId: string, answer: CodeAnswer): Extract<CodeAnswer, { kind: 'code' }> {
  switch (answer.kind) {
    case 'unknown':
      throw new Problem('not-found', `The mirror holds no account ${accountId}.`);
    case 'deleted':
      throw new Problem('conflict', `Account ${accountId} is deleted in Salesforce.`);
    case 'disputed':
      throw new Problem(
        'conflict',
        `Salesforce holds the code ${answer.held} on account ${accountId}, and another account has it too; regenerate gives this one a code of its own.`,
      );
    case 'code':
      return answer;
  }
}

const AccountCode = (description: string) => ({
  ...Type.Object(
    { accountId: Type.String(), signupCode: Type.String(), codeState: OneOf(codeStates) },
    { description },
  ),
  headers: replayHeaders({ Location: Type.String({ description: 'Path of the write-back.' }) }),
});

const schema = {
  operationId: 'assignSignupCode',
  summary: 'Give an account a signup code',
  description:
    'Gives the account a code if it has none, whatever the rules say. With `regenerate`, which needs the scope `admin`, it gets a new one that is written over the old one in Salesforce; the old one stays in the history.',
  tags: ['Accounts', 'Write-backs'],
  params: AccountPath,
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: Type.Unsafe<{ regenerate?: boolean } | null>({
    type: ['object', 'null'],
    properties: { regenerate: { type: 'boolean', default: false } },
    additionalProperties: false,
  }),
  response: {
    200: AccountCode('It has one already.'),
    202: AccountCode('It has a new one, which is on its way to Salesforce.'),
    ...workProblemResponses('not-found', 'conflict'),
  },
} as const;
