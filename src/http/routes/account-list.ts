import { Type } from 'typebox';
import { jsonSerializer } from '../plugins/serializers.ts';
import { invalidFields } from '../problem.ts';
import { ListedAccountSchema } from '../schemas/account.ts';
import { type AccountQuery, AccountQuerySchema } from '../schemas/account-query.ts';
import { defaultLimit } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { linkHeader, PageOf } from '../schemas/values.ts';
import { type AccountList, describeAccountList } from '../search/account-list.ts';
import { collectFieldFilters } from '../search/field-filters.ts';
import { fullListStatement } from '../search/keyset.ts';
import { decodeCursor, listKey, sendPage } from '../search/list-page.ts';
import { searchPage, toPlainQuery } from '../search/search-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { readSnapshot } from '../streams/read-snapshot.ts';
import { acceptsLines, type LineExports, linesType, maxExportMs } from '../streams/send-lines.ts';
import type { AccountRow } from '../views/account.ts';

export function registerAccountListRoute(
  app: Server,
  dependencies: HttpDependencies,
  exports: LineExports,
): void {
  app.addSchema(ListedAccountSchema);
  const options = {
    config: { scope: 'read' },
    schema,
    serializerCompiler: jsonSerializer,
    // Pages are limited by the statement timeout.
    handlerTimeout: maxExportMs,
    preValidation: collectFieldFilters,
  } as const;
  app.get('/v1/accounts', options, async (request, reply) => {
    const { query } = request;
    const list = await describeAccountList(query, dependencies);
    if (acceptsLines(request)) {
      rejectPaging(query);
      return exports.send(request, reply, (signal) => readRows(dependencies, list, signal));
    }
    const key = listKey('/v1/accounts', query);
    const page = await searchPage<AccountRow>(request.reads.pool, {
      ...list,
      after: decodeCursor(key, query.cursor, list.order),
      limit: query.limit ?? defaultLimit,
    });
    return sendPage(request, reply, key, page.rows.map(list.toJson), page.next);
  });
}

async function* readRows({ pool }: HttpDependencies, list: AccountList, signal: AbortSignal) {
  for await (const rows of readSnapshot<AccountRow>(pool, fullListStatement(toPlainQuery(list)), signal))
    yield rows.map(list.toJson);
}

function rejectPaging(query: AccountQuery): void {
  const errors = (['limit', 'cursor'] as const)
    .filter((field) => query[field] !== undefined)
    .map((field) => ({ field, message: `is not allowed with ${linesType}, which returns the whole list` }));
  if (errors.length > 0) throw invalidFields(errors);
}

const schema = {
  operationId: 'listAccounts',
  summary: 'List accounts',
  description:
    'Accounts of the mirror, page by page; rows that are inserted or deleted meanwhile do not shift the pages. With `Accept: application/x-ndjson` the whole list as a snapshot, one account per line; if the connection breaks, the list is incomplete.',
  tags: ['Accounts'],
  querystring: AccountQuerySchema,
  response: {
    200: {
      description: 'One page, or the whole list.',
      headers: linkHeader,
      content: {
        'application/json': { schema: PageOf(ListedAccountSchema) },
        [linesType]: { schema: Type.String({ description: 'One `ListedAccount` as JSON per line.' }) },
      },
    },
    ...problemResponses('too-many-streams'),
  },
} as const;
