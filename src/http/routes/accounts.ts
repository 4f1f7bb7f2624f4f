import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { accountTag } from '../etag.ts';
import { accountJson } from '../json/account.ts';
import { isNotModified, sendNotModified } from '../not-modified.ts';
import { Problem } from '../problem.ts';
import { readRecordId } from '../read-record-id.ts';
import { AccountSchema } from '../schemas/account.ts';
import { AccountPath, IfNoneMatch, NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { Named } from '../schemas/values.ts';
import { addLineExports } from '../send-lines.ts';
import type { Server } from '../server.ts';
import { addAccountEventsRoute } from './account-events.ts';
import { addAccountListRoute } from './account-list.ts';
import { addAccountResyncRoute } from './account-resync.ts';
import { addAccountSignupCodeRoute } from './account-signup-code.ts';

export function addAccountRoutes(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(AccountSchema);
  addAccountListRoute(app, dependencies, addLineExports(app, dependencies.exportStallMs));
  addAccountRoute(app, dependencies);
  addAccountEventsRoute(app, dependencies);
  addAccountResyncRoute(app, dependencies);
  addAccountSignupCodeRoute(app, dependencies);
}

function addAccountRoute(app: Server, { fieldNames, signupCodeField }: HttpDependencies): void {
  app.get('/v1/accounts/:id', { config: { scope: 'read' }, schema }, async (request, reply) => {
    const id = readRecordId('id', request.params.id);
    const row = await request.reads.prisma.account.findUnique({ where: { id } });
    if (row === null) throw new Problem('not-found', `The mirror holds no account ${id}.`);
    const shape = { fieldNames: await fieldNames(), signupCodeField };
    const tag = accountTag(row.revision, shape.fieldNames);
    if (isNotModified(request, reply, { tag, changedAt: row.changedAt })) return sendNotModified(reply);
    return accountJson(row, shape);
  });
}

const schema = {
  operationId: 'getAccount',
  summary: 'Get one account',
  description: 'Deleted accounts are shown too, with `deletedAt`. Send the `ETag` back as `If-None-Match`.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: NoParameters,
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
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
