import { type Static, Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { Problem } from '../problem.ts';
import { NoParameters, pageParameters, Text } from '../schemas/parameters.ts';
import { parseAccountIdParameter } from '../schemas/parse-parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, Named, OneOf, StrictObject } from '../schemas/values.ts';
import { WriteBackHistorySchema, WriteBackSchema, writeBackStates } from '../schemas/write-back.ts';
import { sendList } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { readCodeReason } from '../views/read-code-reason.ts';
import { attemptJson, type WriteBackRow, writeBackColumns, writeBackJson } from '../views/write-back.ts';
import { registerWriteBackRetryRoutes, WriteBackPath } from './write-back-retry.ts';

export function registerWriteBackRoutes(app: Server, dependencies: HttpDependencies): void {
  const { pool, prisma } = dependencies;
  app.addSchema(WriteBackSchema);
  app.addSchema(WriteBackHistorySchema);

  app.get('/v1/write-backs', { config: { scope: 'read' }, schema: listSchema }, (request, reply) => {
    const { state, errorCode } = request.query;
    return sendList<WriteBackRow, Static<typeof WriteBackSchema>>(request, reply, {
      pool,
      path: '/v1/write-backs',
      parameters: request.query,
      select: Prisma.sql`${writeBackColumns} FROM accounts`,
      where: [
        Prisma.sql`(code).state IN ('pending', 'written', 'failed') AND NOT deleted`,
        state !== undefined && Prisma.sql`(code).state = ${state}`,
        errorCode !== undefined && Prisma.sql`(code).error ->> 'code' = ${errorCode}`,
      ],
      order,
      toJson: (rows) => rows.map(writeBackJson),
    });
  });

  const historyOptions = { config: { scope: 'read' }, schema: historySchema } as const;
  app.get('/v1/write-backs/:accountId', historyOptions, async (request) => {
    const id = parseAccountIdParameter('accountId', request.params.accountId);
    const account = await prisma.account.findUnique({ where: { id } });
    if (account === null) throw new Problem('not-found', `Account ${id} is not in the mirror.`);
    const attempts = await prisma.writeBackAttempt.findMany({
      where: { accountId: id },
      orderBy: { id: 'desc' },
      take: 200,
    });
    return {
      ...writeBackJson(account),
      reason: await readCodeReason(dependencies, account),
      history: attempts.map(attemptJson),
    };
  });

  registerWriteBackRetryRoutes(app, dependencies);
}

const order = {
  by: { sql: 'code_attempted_at', type: 'timestamptz', isNullable: true },
  id: { sql: 'id', type: 'text' },
  descending: true,
} as const;

const listSchema = {
  operationId: 'listWriteBacks',
  summary: 'List write-backs',
  description:
    'Signup codes that Salesforce has not confirmed, by last attempt, newest first: waiting, written, or failed with the reason. Deleted accounts are not included.',
  tags: ['Write-backs'],
  querystring: StrictObject({
    state: Type.Optional(OneOf(writeBackStates)),
    errorCode: Type.Optional(
      Text('The last error code: a status code of Salesforce, or a lower-case code of Tidemark.'),
    ),
    ...pageParameters,
  }),
  response: { 200: ListOf(WriteBackSchema), ...problemResponses() },
} as const;

const historySchema = {
  operationId: 'getWriteBack',
  summary: 'Get one write-back',
  description: 'The signup code of one account in any state, with all attempts, and why it is not confirmed.',
  tags: ['Write-backs'],
  params: WriteBackPath,
  querystring: NoParameters,
  response: { 200: Named(WriteBackHistorySchema), ...problemResponses('not-found') },
} as const;
