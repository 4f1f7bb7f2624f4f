import { Type } from 'typebox';
import { isHeldState } from '../../codes/signup-code.ts';
import type { CodeAssignment } from '../../write-back/assign-code.ts';
import { requireScope } from '../plugins/authenticate.ts';
import { idempotentPost, replayHeaders, withIdempotencyKey } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { AccountSchema, codeStates } from '../schemas/account.ts';
import { AccountPath } from '../schemas/parameters.ts';
import { parseAccountIdParameter } from '../schemas/parse-parameters.ts';
import { idempotentProblemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

export function registerAccountSignupCodeRoute(
  app: Server,
  { pool, requestSignupCode }: HttpDependencies,
): void {
  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/accounts/:id/signup-code', options, async (request, reply) => {
    const accountId = parseAccountIdParameter('id', request.params.id);
    const regenerate = request.body?.regenerate === true;
    if (regenerate) requireScope(request, 'admin');
    return withIdempotencyKey(pool, request, reply, async (client) => {
      const order = { accountId, regenerate, requestedBy: request.callerName };
      const code = requireCode(accountId, await requestSignupCode(client, order));
      return {
        status: code.made ? 202 : 200,
        location: `/v1/write-backs/${accountId}`,
        body: { accountId, ...shownCode(code), codeState: code.state },
      };
    });
  });
}

function requireCode(accountId: string, answer: CodeAssignment): Extract<CodeAssignment, { kind: 'code' }> {
  switch (answer.kind) {
    case 'unknown':
      throw new Problem('not-found', `Account ${accountId} is not in the mirror.`);
    case 'deleted':
      throw new Problem('conflict', `Account ${accountId} is deleted in Salesforce.`);
    case 'disputed':
      throw new Problem(
        'conflict',
        `The code ${answer.held} of account ${accountId} in Salesforce also belongs to another account; use "regenerate" to assign a new code.`,
      );
    case 'code':
      return answer;
  }
}

function shownCode({ signupCode, state }: Extract<CodeAssignment, { kind: 'code' }>) {
  return isHeldState(state)
    ? { signupCode, pendingSignupCode: null }
    : { signupCode: null, pendingSignupCode: signupCode };
}

const AccountCode = (description: string) => ({
  ...Type.Object(
    {
      accountId: Type.String(),
      signupCode: AccountSchema.properties.signupCode,
      pendingSignupCode: AccountSchema.properties.pendingSignupCode,
      codeState: OneOf(codeStates),
    },
    { description },
  ),
  headers: replayHeaders({ Location: Type.String({ description: 'Path of the write-back.' }) }),
});

const schema = {
  operationId: 'assignSignupCode',
  summary: 'Assign a signup code',
  description:
    'Assigns a code if the account has none, regardless of `SIGNUP_CODE_FILTER`. With `regenerate`, which requires the scope `admin`, the account gets a new code that overwrites the old one in Salesforce; the old code stays in the history.',
  tags: ['Accounts'],
  params: AccountPath,
  ...idempotentPost,
  body: Type.Unsafe<{ regenerate?: boolean } | null>({
    type: ['object', 'null'],
    properties: { regenerate: { type: 'boolean', default: false } },
    additionalProperties: false,
  }),
  response: {
    200: AccountCode('The account already has this code.'),
    202: AccountCode('The account has a new code, which will be written to Salesforce.'),
    ...idempotentProblemResponses('not-found', 'conflict'),
  },
} as const;
