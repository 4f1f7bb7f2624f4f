import { describeAccountList } from '../account-list.ts';
import { decodeCursor, listKey } from '../cursor.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { gatherFieldFilters } from '../field-filters.ts';
import type { AccountRow } from '../json/account.ts';
import { readPage } from '../keyset.ts';
import { ListedAccountSchema } from '../schemas/account.ts';
import { AccountQuerySchema } from '../schemas/account-query.ts';
import { defaultLimit } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf } from '../schemas/values.ts';
import { pageOf } from '../send-page.ts';
import type { Server } from '../server.ts';

export function addAccountListRoute(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(ListedAccountSchema);
  const options = { config: { scope: 'read' }, schema, preValidation: gatherFieldFilters } as const;
  app.get('/v1/accounts', options, async (request, reply) => {
    const { query } = request;
    const list = await describeAccountList(query, dependencies);
    const key = listKey('/v1/accounts', query);
    const page = await readPage<AccountRow>(dependencies.pool, {
      ...list,
      after: decodeCursor(key, query.cursor, list.order),
      limit: query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, key, page.rows.map(list.show), page.next);
  });
}

const schema = {
  operationId: 'listAccounts',
  summary: 'List accounts',
  description: 'Accounts of the mirror, page by page. Rows that come or go meanwhile shift nothing.',
  tags: ['Accounts'],
  querystring: AccountQuerySchema,
  response: {
    200: ListOf(ListedAccountSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;
