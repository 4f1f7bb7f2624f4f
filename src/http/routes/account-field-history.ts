import type pg from 'pg';
import { Type } from 'typebox';
import { fieldHistory } from '../../history/list-entries.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { invalid, Problem } from '../problem.ts';
import { FieldWriteSchema } from '../schemas/history.ts';
import { defaultLimit, pageParameters, RecordId } from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf } from '../schemas/values.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { fieldWriteJson } from '../views/history.ts';
import { readOrigins } from '../views/read-origins.ts';
import { expectKnown, historyOrder, positionBehind, versionAt } from './account-events.ts';

export function registerAccountFieldHistoryRoute(app: Server, { fieldParts }: HttpDependencies): void {
  app.addSchema(FieldWriteSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/accounts/:id/fields/:name/history', options, async (request, reply) => {
    const { pool } = request.reads;
    const accountId = readRecordId('id', request.params.id);
    const path = request.params.name;
    const list = listKey(`/v1/accounts/${accountId}/fields/${path}/history`, request.query);
    const limit = request.query.limit ?? defaultLimit;
    const before = versionAt(decodeCursor(list, request.query.cursor, historyOrder));
    const rows = await fieldHistory(pool, { accountId, before, limit: limit + 1, path });
    if (rows.length === 0) await expectKnown(pool, accountId);
    await expectField(path, await fieldParts(), () => holdsField(pool, accountId, path));
    const listed = rows.slice(0, limit).map((row) => row.listed);
    const origins = await readOrigins(pool, listed);
    const data = rows
      .slice(0, limit)
      .map((row, index) =>
        fieldWriteJson(row.listed, row.change, origins[index] ?? { event: undefined, resyncId: null }),
      );
    const entries = rows.map((row) => row.listed);
    return pageOf(request, reply, list, data, positionBehind(entries, limit));
  });
}

/** @throws Problem 404 for a field that accounts do not have, 400 for a compound field as a whole */
async function expectField(
  path: string,
  fields: ReadonlyMap<string, readonly string[]>,
  isHeld: () => Promise<boolean>,
): Promise<void> {
  const [name = '', part] = path.split('.');
  const parts = fields.get(name);
  // Salesforce shows the name of a company as one text, and that of a person in parts.
  if (part === undefined && parts !== undefined && parts.length > 0 && name !== 'Name') {
    throw invalid('name', `is a compound field: name a part of it, such as ${name}.${parts[0]}`);
  }
  const isKnown = part === undefined ? parts !== undefined : parts?.includes(part) === true;
  if (isKnown || ownFields.includes(path) || (await isHeld())) return;
  throw new Problem('not-found', `Accounts have no field ${path}.`);
}

const ownFields = ['IsDeleted', 'MasterRecordId'];

/** A field that the newest schema has no more can still be held. */
async function holdsField(pool: pg.Pool, accountId: string, path: string): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'account-holds-field',
    text: 'select from accounts where id = $1 and fields #> $2::text[] is not null',
    values: [accountId, path.split('.')],
  });
  return rowCount === 1;
}

const schema = {
  operationId: 'listFieldHistory',
  summary: 'Say who wrote a field',
  description:
    'Which event, transaction, user or reading last wrote a field of an account, and each one before: newest first by the time of the commit. The first entry holds what the account holds now.',
  tags: ['Accounts'],
  params: Type.Object(
    {
      id: RecordId({ examples: ['001al00000K3N1wAAF'] }),
      name: Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_]*(?:\\.[A-Za-z][A-Za-z0-9_]*)?$',
        maxLength: 100,
        description: 'A field by its Salesforce name; a part of a compound field as `BillingAddress.City`.',
        examples: ['Industry'],
      }),
    },
    { additionalProperties: false },
  ),
  querystring: Type.Object(pageParameters, { additionalProperties: false }),
  response: {
    200: ListOf(FieldWriteSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
