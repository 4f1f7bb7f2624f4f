import { type Static, Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { decodeCursor, listKey } from '../cursor.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { type AccountRow, accountColumns, accountJson } from '../json/account.ts';
import { type KeysetOrder, readPage } from '../keyset.ts';
import { AccountSchema, codeStates } from '../schemas/account.ts';
import { defaultLimit, MomentParameter, pageParameters, Text } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, OneOf } from '../schemas/values.ts';
import { pageOf } from '../send-page.ts';
import type { Server } from '../server.ts';
import { readTime } from '../time.ts';

export function addAccountListRoute(app: Server, { fieldNames, signupCodeField }: HttpDependencies): void {
  app.get('/v1/accounts', { config: { scope: 'read' }, schema }, async (request, reply) => {
    const { query } = request;
    const order = orders[query.sort ?? 'id'];
    const list = listKey('/v1/accounts', query);
    const page = await readPage<AccountRow>(request.reads.pool, {
      select: Prisma.sql`${accountColumns} FROM accounts`,
      where: conditions(query),
      order,
      after: decodeCursor(list, query.cursor, order),
      limit: query.limit ?? defaultLimit,
    });
    const shape = { fieldNames: await fieldNames(), signupCodeField };
    const data = page.rows.map((row) => accountJson(row, shape));
    return pageOf(request, reply, list, data, page.next);
  });
}

function conditions(query: Static<typeof Query>): Prisma.Sql[] {
  const where: Prisma.Sql[] = [];
  const { name, accountNumber, signupCode, updatedSince, deleted = 'false', stale, codeState } = query;
  if (name?.endsWith('*') === true) where.push(Prisma.sql`starts_with(name, ${name.slice(0, -1)})`);
  else if (name !== undefined) where.push(Prisma.sql`name = ${name}`);
  if (accountNumber !== undefined) where.push(Prisma.sql`account_number = ${accountNumber}`);
  if (signupCode !== undefined) where.push(Prisma.sql`signup_code = ${signupCode}`);
  if (updatedSince !== undefined) {
    where.push(
      Prisma.sql`changed_at >= ${readTime('updatedSince', updatedSince).toISOString()}::timestamptz`,
    );
  }
  if (deleted !== 'all') where.push(deleted === 'true' ? Prisma.sql`deleted` : Prisma.sql`NOT deleted`);
  if (stale !== undefined) {
    where.push(stale ? Prisma.sql`stale_version IS NOT NULL` : Prisma.sql`stale_version IS NULL`);
  }
  if (codeState !== undefined) where.push(Prisma.sql`code_state = ${codeState}`);
  return where;
}

const id = { sql: 'id', type: 'text' } as const;
const name = { sql: 'name', type: 'text' } as const;
const modifiedAt = { sql: 'modified_at', type: 'timestamptz' } as const;
const createdAt = { sql: 'created_at', type: 'timestamptz' } as const;
const changedAt = { sql: 'changed_at', type: 'timestamptz' } as const;

const orders = {
  id: { id, descending: false },
  '-id': { id, descending: true },
  name: { by: name, id, descending: false },
  '-name': { by: name, id, descending: true },
  modifiedAt: { by: modifiedAt, id, descending: false },
  '-modifiedAt': { by: modifiedAt, id, descending: true },
  createdAt: { by: createdAt, id, descending: false },
  '-createdAt': { by: createdAt, id, descending: true },
  changedAt: { by: changedAt, id, descending: false },
  '-changedAt': { by: changedAt, id, descending: true },
} as const satisfies Record<string, KeysetOrder>;

const sorts = [
  'id',
  '-id',
  'name',
  '-name',
  'modifiedAt',
  '-modifiedAt',
  'createdAt',
  '-createdAt',
  'changedAt',
  '-changedAt',
] as const satisfies readonly (keyof typeof orders)[];

const Query = Type.Object(
  {
    name: Type.Optional(
      Text('The exact name, or its beginning and `*`, such as `Acme*`; upper and lower case differ.'),
    ),
    accountNumber: Type.Optional(Text('The exact account number.')),
    signupCode: Type.Optional(Text('The exact signup code.')),
    updatedSince: Type.Optional(
      MomentParameter(
        'Accounts that changed in the mirror at that moment or later (`changedAt`). To follow changes, add `sort=changedAt` and `deleted=all`.',
      ),
    ),
    deleted: Type.Optional(
      OneOf(['false', 'true', 'all'], {
        default: 'false',
        description: '`false`: living accounts only. `true`: deleted ones only. `all`: both.',
      }),
    ),
    stale: Type.Optional(Type.Boolean({ description: 'Whether their values are known to be uncertain.' })),
    codeState: Type.Optional(OneOf(codeStates, { description: 'The state of their signup code.' })),
    sort: Type.Optional(
      OneOf(sorts, {
        default: 'id',
        description: 'Order; `-` turns it round. Accounts without a value come last (first with `-`).',
      }),
    ),
    ...pageParameters,
  },
  { additionalProperties: false },
);

const schema = {
  operationId: 'listAccounts',
  summary: 'List accounts',
  description: 'Accounts of the mirror, page by page. Rows that come or go meanwhile shift nothing.',
  tags: ['Accounts'],
  querystring: Query,
  response: {
    200: ListOf(AccountSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;
