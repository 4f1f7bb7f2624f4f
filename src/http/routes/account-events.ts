import { Type } from 'typebox';
import { formatVersion, parseVersion, type Version } from '../../apply/version.ts';
import { listEntries, withChanges } from '../../history/list-entries.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { AccountEventSchema, FieldChangeSchema } from '../schemas/history.ts';
import { AccountPath, defaultLimit, pageParameters } from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf } from '../schemas/values.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import type { KeysetPosition } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { accountEventJson } from '../views/history.ts';
import { readOrigins } from '../views/read-origins.ts';

export function registerAccountEventsRoute(app: Server): void {
  app.addSchema(FieldChangeSchema);
  app.addSchema(AccountEventSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/accounts/:id/events', options, async (request, reply) => {
    const accountId = readRecordId('id', request.params.id);
    const list = listKey(`/v1/accounts/${accountId}/events`, request.query);
    const { pool } = request.reads;
    const limit = request.query.limit ?? defaultLimit;
    const before = versionAt(decodeCursor(list, request.query.cursor, historyOrder));
    const rows = await listEntries(pool, { accountId, before, limit: limit + 1 });
    if (rows.length === 0) await expectKnown(pool, accountId);
    const page = rows.slice(0, limit);
    const changed = await withChanges(pool, accountId, page);
    const origins = await readOrigins(pool, page);
    const data = changed.map(({ listed, changes }, index) =>
      accountEventJson(listed, changes, origins[index] ?? { event: undefined, resyncId: null }),
    );
    return pageOf(request, reply, list, data, positionBehind(rows, limit));
  });
}

/** A history is listed in the order of its versions, newest first. */
export const historyOrder = { id: { sql: 'version', type: 'version' }, descending: true } as const;

export function versionAt(position: KeysetPosition | null): Version | null {
  return position === null ? null : parseVersion(position.id);
}

/** Where the next page begins; null where all rows are on this one. */
export function positionBehind(
  rows: readonly { readonly entry: { readonly version: Version } }[],
  limit: number,
): KeysetPosition | null {
  const last = rows[limit - 1];
  return rows.length <= limit || last === undefined
    ? null
    : { by: null, id: formatVersion(last.entry.version) };
}

/** @throws Problem 404 where neither the mirror nor the log knows the account */
export async function expectKnown(pool: HttpDependencies['pool'], accountId: string): Promise<void> {
  const { rowCount } = await pool.query({
    name: 'is-account-known',
    text: `select where exists (select from accounts where id = $1)
                     or exists (select from events where record_ids @> array[$1])`,
    values: [accountId],
  });
  if (rowCount === 0) throw new Problem('not-found', `The mirror holds no account ${accountId}.`);
}

const schema = {
  operationId: 'listAccountEvents',
  summary: 'List the history of an account',
  description:
    'What changed it, newest first by the time of the commit: who, when, from where, and each field before and after. Readings that changed something are among it, and the state that the history begins with is the last entry. Events that could not be applied are found by `GET /v1/events?recordId=`.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: Type.Object(pageParameters, { additionalProperties: false }),
  response: {
    200: ListOf(AccountEventSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
