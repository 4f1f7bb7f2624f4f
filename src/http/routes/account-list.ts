import { Type } from 'typebox';
import { loadMirror, readWithColumns, refreshColumns } from '../../mirror/load-mirror.ts';
import { sendJson } from '../plugins/serializers.ts';
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
import {
  acceptsLines,
  type LineExports,
  linesType,
  maxExportMs,
  requireChunks,
} from '../streams/send-lines.ts';
import type { StoredAccount } from '../views/account-columns.ts';

export function registerAccountListRoute(
  app: Server,
  dependencies: HttpDependencies,
  exports: LineExports,
): void {
  app.addSchema(ListedAccountSchema);
  const options = {
    config: { scope: 'read' },
    schema,
    // Pages are limited by the statement timeout.
    handlerTimeout: maxExportMs,
    preValidation: collectFieldFilters,
  } as const;
  app.get('/v1/accounts', options, async (request, reply) => {
    const { query } = request;
    if (acceptsLines(request)) {
      requireChunks(request);
      rejectPaging(query);
      const list = await describeAccountList(query, dependencies, await loadMirror(dependencies.pool));
      return exports.send(request, reply, (signal) => readRows(dependencies, query, list, signal));
    }
    const { pool } = request.reads;
    const key = listKey('/v1/accounts', query);
    // A filter by a field needs the current columns: without rows, outdated ones would not show.
    if (query.fields !== undefined) await refreshColumns(pool);
    const { data, next } = await readWithColumns(pool, async (table) => {
      const list = await describeAccountList(query, dependencies, table);
      const { rows, next } = await searchPage<StoredAccount>(pool, {
        ...list,
        after: decodeCursor(key, query.cursor, list.order),
        limit: query.limit ?? defaultLimit,
      });
      return { version: rows[0]?.columnsVersion, result: { data: rows.map(list.toText), next } };
    });
    return sendJson(reply, pageBytes(await sendPage(request, reply, key, data, next)));
  });
}

/** Writes each account once: a joined text would be copied for its digest and for the socket. */
function pageBytes({ data, nextCursor }: { data: readonly string[]; nextCursor: string | null }): Buffer {
  const end = `],"nextCursor":${JSON.stringify(nextCursor)}}`;
  const parts = data.map((text, index) => (index === 0 ? text : `,${text}`));
  const all = ['{"data":[', ...parts, end];
  const bytes = Buffer.allocUnsafe(all.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
  let position = 0;
  for (const text of all) position += bytes.write(text, position);
  return bytes;
}

/** Starts again if the columns have changed between their read and the snapshot. */
async function* readRows(
  dependencies: HttpDependencies,
  query: AccountQuery,
  list: AccountList,
  signal: AbortSignal,
): AsyncGenerator<string[], void, undefined> {
  const { pool } = dependencies;
  for await (const rows of readSnapshot<StoredAccount>(pool, fullListStatement(toPlainQuery(list)), signal)) {
    if (rows[0]?.columnsVersion !== list.columnsVersion) {
      const current = await describeAccountList(query, dependencies, await loadMirror(pool));
      return yield* readRows(dependencies, query, current, signal);
    }
    yield rows.map(list.toText);
  }
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
    ...problemResponses('too-many-streams', 'upgrade-required'),
  },
} as const;
