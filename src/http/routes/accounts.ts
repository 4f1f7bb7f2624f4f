import type pg from 'pg';
import { type Static, Type } from 'typebox';
import { accountAsOf } from '../../history/account-as-of.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { accountTag } from '../plugins/etag.ts';
import { serializeOpen } from '../plugins/json-serializer.ts';
import { isNotModified, sendNotModified } from '../plugins/not-modified.ts';
import { Problem } from '../problem.ts';
import { AccountSchema } from '../schemas/account.ts';
import { AccountPath, IfNoneMatch, MomentParameter } from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { registerLineExports } from '../streams/send-lines.ts';
import { type AccountRow, accountColumns, accountJson } from '../views/account.ts';
import { notKnownThen, pastRow, readPastMoment } from '../views/read-past-account.ts';
import { registerAccountDiffRoute } from './account-diff.ts';
import { expectKnown, registerAccountEventsRoute } from './account-events.ts';
import { registerAccountFieldHistoryRoute } from './account-field-history.ts';
import { registerAccountListRoute } from './account-list.ts';
import { registerAccountResyncRoute } from './account-resync.ts';
import { registerAccountSignupCodeRoute } from './account-signup-code.ts';

export function registerAccountRoutes(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(AccountSchema);
  registerAccountListRoute(app, dependencies, registerLineExports(app, dependencies.exportStallMs));
  addAccountRoute(app, dependencies);
  registerAccountEventsRoute(app);
  registerAccountFieldHistoryRoute(app, dependencies);
  registerAccountDiffRoute(app);
  registerAccountResyncRoute(app, dependencies);
  registerAccountSignupCodeRoute(app, dependencies);
}

function addAccountRoute(app: Server, dependencies: HttpDependencies): void {
  const { fieldNames, signupCodeField } = dependencies;
  const options = { config: { scope: 'read' }, schema, serializerCompiler: serializeOpen } as const;
  app.get('/v1/accounts/:id', options, async (request, reply) => {
    const id = readRecordId('id', request.params.id);
    const { asOf } = request.query;
    if (asOf !== undefined)
      return readAsOf(request.reads.pool, dependencies, id, readPastMoment('asOf', asOf));
    const row = await readAccount(request.reads.pool, id);
    if (row === undefined) throw new Problem('not-found', `The mirror holds no account ${id}.`);
    const shape = { fieldNames: await fieldNames(), signupCodeField };
    const tag = accountTag(row.revision, shape.fieldNames);
    if (isNotModified(request, reply, { tag, changedAt: row.changedAt })) return sendNotModified(reply);
    return accountJson(row, shape);
  });
}

/** The most frequent request of all: by a prepared statement, at a third of the cost of a model's. */
async function readAccount(
  pool: pg.Pool,
  id: string,
): Promise<(AccountRow & { readonly revision: bigint }) | undefined> {
  const { rows } = await pool.query<AccountRow & { readonly revision: bigint }>({
    name: 'read-account',
    text: `select ${accountColumns.sql}, revision from accounts where id = $1`,
    values: [id],
  });
  return rows[0];
}

async function readAsOf(
  pool: pg.Pool,
  { fieldNames, signupCodeField }: HttpDependencies,
  id: string,
  moment: Date,
): Promise<Static<typeof AccountSchema>> {
  const past = await accountAsOf(pool, id, moment);
  if (past.kind !== 'known') {
    await expectKnown(pool, id);
    throw notKnownThen(id, moment, past);
  }
  const shape = { fieldNames: await fieldNames(), signupCodeField };
  return accountJson(pastRow(id, past.state, moment, signupCodeField), shape);
}

const schema = {
  operationId: 'getAccount',
  summary: 'Get one account',
  description:
    'Deleted accounts are shown too, with `deletedAt`. Send the `ETag` back as `If-None-Match`. With `asOf` the answer is the account as of that moment: everything that had committed up to then, however late it came. It has no `ETag`; its `signupCode` is what Salesforce held, and `codeState` says `confirmed` or `none`.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: Type.Object(
    { asOf: Type.Optional(MomentParameter('Answers the account as of this moment of the past.')) },
    { additionalProperties: false },
  ),
  headers: Type.Object({
    'if-none-match': IfNoneMatch,
    'if-modified-since': Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'A `Last-Modified` got before; `If-None-Match` comes first.',
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
          description: 'The second in which it last changed in the mirror; absent until that second is over.',
        }),
      },
    },
    304: Type.Null({ description: 'It is still as the ETag says.' }),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found', 'before-history'),
  },
} as const;
