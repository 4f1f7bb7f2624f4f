import type pg from 'pg';
import { Type } from 'typebox';
import { listFieldChanges } from '../../history/list-entries.ts';
import { invalid, Problem } from '../problem.ts';
import { FieldWriteSchema } from '../schemas/history.ts';
import { AccountPath, defaultLimit, pageParameters } from '../schemas/parameters.ts';
import { parseRecordIdParameter } from '../schemas/parse-parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, StrictObject } from '../schemas/values.ts';
import { decodeCursor, listKey, sendPage } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { fieldWriteJson } from '../views/history.ts';
import { readOrigins } from '../views/read-origins.ts';
import { historyOrder, nextPosition, requireKnownAccount, versionAt } from './account-history.ts';

export function registerAccountFieldHistoryRoute(app: Server, { fieldParts }: HttpDependencies): void {
  app.addSchema(FieldWriteSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/accounts/:id/fields/:name/history', options, async (request, reply) => {
    const { pool } = request.reads;
    const accountId = parseRecordIdParameter('id', request.params.id);
    const path = request.params.name;
    const { limit = defaultLimit, cursor } = request.query;
    const list = listKey(`/v1/accounts/${accountId}/fields/${path}/history`, request.query);
    const before = versionAt(decodeCursor(list, cursor, historyOrder));
    const rows = await listFieldChanges(pool, { accountId, before, limit: limit + 1, path });
    if (rows.length === 0) await requireKnownAccount(pool, accountId);
    await requireField(path, await fieldParts(), () => hasFieldValue(pool, accountId, path));
    const entries = rows.map((row) => row.listed);
    const origins = await readOrigins(request.reads.prisma, entries.slice(0, limit));
    const data = rows
      .slice(0, limit)
      .map((row, index) =>
        fieldWriteJson(row.listed, row.change, origins[index] ?? { event: undefined, resyncId: null }),
      );
    return sendPage(request, reply, list, data, nextPosition(entries, limit));
  });
}

/** @throws Problem 404 if accounts have no such field, 400 for a compound field without a part */
async function requireField(
  path: string,
  fields: ReadonlyMap<string, readonly string[]>,
  hasValue: () => Promise<boolean>,
): Promise<void> {
  const [name = '', part] = path.split('.');
  const parts = fields.get(name);
  // Salesforce represents the name of a company as one text, and that of a person as a compound field.
  if (part === undefined && parts !== undefined && parts.length > 0 && name !== 'Name') {
    throw invalid('name', `is a compound field: name a part of it, such as ${name}.${parts[0]}`);
  }
  const isKnown = part === undefined ? parts !== undefined : parts?.includes(part) === true;
  if (isKnown || ownFields.includes(path) || (await hasValue())) return;
  throw new Problem('not-found', `Accounts have no field ${path}.`);
}

const ownFields = ['IsDeleted', 'MasterRecordId'];

/** The mirror keeps the values of a field that the newest schema no longer contains. */
async function hasFieldValue(pool: pg.Pool, accountId: string, path: string): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'account-holds-field',
    text: `select from mirror_columns m join records r using (object) where r.record_id = $1 and m.path = $3
           union all select from accounts where id = $1 and fields #> $2::text[] is not null`,
    values: [accountId, path.split('.'), path],
  });
  return rowCount !== 0;
}

const schema = {
  operationId: 'listFieldHistory',
  summary: 'List the history of a field',
  description:
    'Which event, transaction, user or read from Salesforce wrote a field of an account: newest first by commit time. The first entry contains the current value.',
  tags: ['Accounts'],
  params: StrictObject({
    ...AccountPath.properties,
    name: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_]*(?:\\.[A-Za-z][A-Za-z0-9_]*)?$',
      maxLength: 100,
      description: 'A field by its API name; a part of a compound field as `BillingAddress.City`.',
      examples: ['Industry'],
    }),
  }),
  querystring: StrictObject(pageParameters),
  response: { 200: ListOf(FieldWriteSchema), ...problemResponses('not-found') },
} as const;
