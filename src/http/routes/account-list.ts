import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { serializeOpen } from '../plugins/json-serializer.ts';
import { type FieldError, invalidFields } from '../problem.ts';
import { ListedAccountSchema } from '../schemas/account.ts';
import { type AccountQuery, AccountQuerySchema } from '../schemas/account-query.ts';
import { defaultLimit } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { PageOf } from '../schemas/values.ts';
import { type AccountList, describeAccountList } from '../search/account-list.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { gatherFieldFilters } from '../search/field-filters.ts';
import { wholeStatement } from '../search/keyset.ts';
import { searchPage, wholeQuery } from '../search/search-page.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { readSnapshot } from '../streams/read-snapshot.ts';
import { exportLimitMs, type LineExports, linesType, wantsLines } from '../streams/send-lines.ts';
import type { AccountRow } from '../views/account.ts';

export function registerAccountListRoute(
  app: Server,
  dependencies: HttpDependencies,
  exports: LineExports,
): void {
  app.addSchema(ListedAccountSchema);
  // Pages are bounded by the time that a statement may take.
  const bounds = { handlerTimeout: exportLimitMs, preValidation: gatherFieldFilters } as const;
  const options = {
    config: { scope: 'read' },
    schema,
    serializerCompiler: serializeOpen,
    ...bounds,
  } as const;
  app.get('/v1/accounts', options, async (request, reply) => {
    const { query } = request;
    const list = await describeAccountList(query, dependencies);
    if (wantsLines(request)) {
      refusePaging(query);
      return exports.answer(request, reply, (gone) => readAll(dependencies, list, gone));
    }
    const key = listKey('/v1/accounts', query);
    const page = await searchPage<AccountRow>(request.reads.pool, {
      ...list,
      after: decodeCursor(key, query.cursor, list.order),
      limit: query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, key, page.rows.map(list.show), page.next);
  });
}

async function* readAll({ pool }: HttpDependencies, list: AccountList, gone: AbortSignal) {
  for await (const rows of readSnapshot<AccountRow>(pool, wholeStatement(wholeQuery(list)), gone))
    yield rows.map(list.show);
}

function refusePaging(query: AccountQuery): void {
  const given = (['limit', 'cursor'] as const).filter((name) => query[name] !== undefined);
  if (given.length === 0) return;
  throw invalidFields(
    given.map(
      (field): FieldError => ({
        field,
        message: `has no meaning with ${linesType}, which is the whole list`,
      }),
    ),
  );
}

const schema = {
  operationId: 'listAccounts',
  summary: 'List accounts',
  description:
    'Accounts of the mirror, page by page; rows that come or go meanwhile shift nothing. With `Accept: application/x-ndjson` the whole list at once, one account a line, as it was at one moment; a connection that breaks says that it is not whole.',
  tags: ['Accounts'],
  querystring: AccountQuerySchema,
  response: {
    200: {
      description: 'One page, or the whole list.',
      headers: { Link: Type.String({ description: 'The next page, if there is one.' }) },
      content: {
        'application/json': { schema: PageOf(ListedAccountSchema) },
        [linesType]: { schema: Type.String({ description: 'One `ListedAccount` as JSON a line.' }) },
      },
    },
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'too-many-streams'),
  },
} as const;
