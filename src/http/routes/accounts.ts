import type pg from 'pg';
import { type Static, Type } from 'typebox';
import { readAccountAsOf } from '../../history/account-as-of.ts';
import {
  accountTag,
  isConditional,
  isNotModified,
  sendNotModified,
  setValidators,
  type Validators,
} from '../plugins/etags.ts';
import { sendJson } from '../plugins/serializers.ts';
import { Problem } from '../problem.ts';
import { AccountSchema } from '../schemas/account.ts';
import { AccountPath, IfNoneMatch, TimeParameter } from '../schemas/parameters.ts';
import { parsePastTimeParameter, parseRecordIdParameter } from '../schemas/parse-parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { Named, StrictObject } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { registerLineExports } from '../streams/send-lines.ts';
import { accountJson } from '../views/account.ts';
import { accountText } from '../views/account-columns.ts';
import { pastAccountRow, unknownPastState } from '../views/past-account.ts';
import { type AccountRevision, readAccount, readRevision } from '../views/read-account.ts';
import { registerAccountFieldHistoryRoute } from './account-field-history.ts';
import { registerAccountHistoryRoutes, requireKnownAccount } from './account-history.ts';
import { registerAccountListRoute } from './account-list.ts';
import { registerAccountResyncRoute } from './account-resync.ts';
import { registerAccountSignupCodeRoute } from './account-signup-code.ts';

export function registerAccountRoutes(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(AccountSchema);
  registerAccountListRoute(app, dependencies, registerLineExports(app, dependencies.exportStallTimeoutMs));
  registerAccountRoute(app, dependencies);
  registerAccountHistoryRoutes(app);
  registerAccountFieldHistoryRoute(app, dependencies);
  registerAccountResyncRoute(app, dependencies);
  registerAccountSignupCodeRoute(app, dependencies);
}

function registerAccountRoute(app: Server, dependencies: HttpDependencies): void {
  const { fieldNames, signupCodeField } = dependencies;
  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/accounts/:id', options, async (request, reply) => {
    const id = parseRecordIdParameter('id', request.params.id);
    const { asOf } = request.query;
    if (asOf !== undefined) {
      const time = parsePastTimeParameter('asOf', asOf);
      const past = await readPastAccount(request.reads.pool, dependencies, id, time);
      return sendJson(reply, JSON.stringify(past));
    }
    const { pool } = request.reads;
    const shape = { fieldNames: await fieldNames(), signupCodeField };
    const validatorsOf = ({ revision, changedAt }: AccountRevision): Validators => ({
      tag: accountTag(revision, shape.fieldNames),
      changedAt,
    });
    if (isConditional(request)) {
      const revision = await readRevision(pool, id);
      const validators = revision && validatorsOf(revision);
      if (validators && isNotModified(request, validators)) return sendNotModified(reply, validators);
    }
    const row = await readAccount(pool, shape, id);
    if (row === undefined) throw new Problem('not-found', `Account ${id} is not in the mirror.`);
    setValidators(reply, validatorsOf(row));
    return sendJson(reply, accountText(row, shape));
  });
}

async function readPastAccount(
  pool: pg.Pool,
  { fieldNames, signupCodeField }: HttpDependencies,
  id: string,
  time: Date,
): Promise<Static<typeof AccountSchema>> {
  const past = await readAccountAsOf(pool, id, time);
  if (past.kind !== 'known') {
    await requireKnownAccount(pool, id);
    throw unknownPastState(id, time, past);
  }
  const shape = { fieldNames: await fieldNames(), signupCodeField };
  return accountJson(pastAccountRow(id, past.state, time, signupCodeField), shape);
}

const schema = {
  operationId: 'getAccount',
  summary: 'Get one account',
  description:
    'Deleted accounts are included, with `deletedAt`. Send the `ETag` back as `If-None-Match`. With `asOf` the response is the account as of that time: everything committed up to then, even if it arrived later. It has no `ETag`; its `signupCode` is the value in Salesforce, and `codeState` is `confirmed` or `none`.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: StrictObject({
    asOf: Type.Optional(TimeParameter('Return the account as of this time in the past.')),
  }),
  headers: Type.Object({
    'if-none-match': IfNoneMatch,
    'if-modified-since': Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'A value of `Last-Modified`; ignored if `If-None-Match` is present.',
      }),
    ),
  }),
  response: {
    200: {
      ...Named(AccountSchema),
      description: 'The account.',
      headers: {
        ETag: Type.String({ description: 'Changes with the account.' }),
        'Last-Modified': Type.String({
          description: 'The second in which it last changed in the mirror; absent during that second.',
        }),
      },
    },
    304: Type.Null({ description: 'The account still has this ETag.' }),
    ...problemResponses('not-found', 'before-history'),
  },
} as const;
