import { type Static, Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { defaultLimit, NoParameters, pageParameters, Text } from '../schemas/parameters.ts';
import { readAccountId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, Named, OneOf } from '../schemas/values.ts';
import { WriteBackHistorySchema, WriteBackSchema, writeBackStates } from '../schemas/write-back.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { readPage } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { attemptJson, type WriteBackRow, writeBackColumns, writeBackJson } from '../views/write-back.ts';
import { registerWriteBackRetryRoutes, WriteBackPath } from './write-back-retry.ts';

export function registerWriteBackRoutes(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(WriteBackSchema);
  app.addSchema(WriteBackHistorySchema);
  addListRoute(app, dependencies);
  addHistoryRoute(app, dependencies);
  registerWriteBackRetryRoutes(app, dependencies);
}

function addListRoute(app: Server, { pool }: HttpDependencies): void {
  app.get('/v1/write-backs', { config: { scope: 'read' }, schema: listSchema }, async (request, reply) => {
    const { query } = request;
    const list = listKey('/v1/write-backs', query);
    const page = await readPage<WriteBackRow>(pool, {
      select: Prisma.sql`${writeBackColumns} FROM accounts`,
      where: conditions(query),
      order,
      after: decodeCursor(list, query.cursor, order),
      limit: query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, list, page.rows.map(writeBackJson), page.next);
  });
}

function addHistoryRoute(app: Server, { prisma }: HttpDependencies): void {
  const options = { config: { scope: 'read' }, schema: historySchema } as const;
  app.get('/v1/write-backs/:accountId', options, async (request) => {
    const id = readAccountId('accountId', request.params.accountId);
    const account = await prisma.account.findUnique({ where: { id } });
    if (account === null) throw new Problem('not-found', `The mirror holds no account ${id}.`);
    const attempts = await prisma.writeBackAttempt.findMany({
      where: { accountId: id },
      orderBy: { id: 'desc' },
      take: 200,
    });
    return { ...writeBackJson(account), history: attempts.map(attemptJson) };
  });
}

function conditions({ state, errorCode }: Static<typeof ListQuery>): Prisma.Sql[] {
  return [
    Prisma.sql`code_state IN ('pending', 'written', 'failed') AND NOT deleted`,
    ...(state === undefined ? [] : [Prisma.sql`code_state = ${state}`]),
    ...(errorCode === undefined ? [] : [Prisma.sql`code_error ->> 'code' = ${errorCode}`]),
  ];
}

const order = {
  by: { sql: 'code_attempted_at', type: 'timestamptz' },
  id: { sql: 'id', type: 'text' },
  descending: true,
} as const;

const ListQuery = Type.Object(
  {
    state: Type.Optional(OneOf(writeBackStates)),
    errorCode: Type.Optional(
      Text(
        'What was last answered other than success: Salesforce’s status code, or one of Tidemark’s own in lower case.',
      ),
    ),
    ...pageParameters,
  },
  { additionalProperties: false },
);

const listSchema = {
  operationId: 'listWriteBacks',
  summary: 'List write-backs',
  description:
    'The signup codes that Salesforce has not confirmed, those tried last first: on their way, or stuck and why. Deleted accounts are left out.',
  tags: ['Write-backs'],
  querystring: ListQuery,
  response: {
    200: ListOf(WriteBackSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

const historySchema = {
  operationId: 'getWriteBack',
  summary: 'Get one write-back',
  description: 'The signup code of one account, whatever its state, with everything that was tried.',
  tags: ['Write-backs'],
  params: WriteBackPath,
  querystring: NoParameters,
  response: {
    200: Named(WriteBackHistorySchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
