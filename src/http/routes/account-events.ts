import { Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { decodeCursor, listKey } from '../cursor.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { accountEventJson, type EventRow, eventColumns } from '../json/event.ts';
import { readPage } from '../keyset.ts';
import { Problem } from '../problem.ts';
import { readRecordId } from '../read-record-id.ts';
import { AccountEventSchema } from '../schemas/event.ts';
import { AccountPath, defaultLimit, pageParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf } from '../schemas/values.ts';
import { pageOf } from '../send-page.ts';
import type { Server } from '../server.ts';

export function addAccountEventsRoute(app: Server, { decodeEvents }: HttpDependencies): void {
  app.addSchema(AccountEventSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/accounts/:id/events', options, async (request, reply) => {
    const accountId = readRecordId('id', request.params.id);
    const list = listKey(`/v1/accounts/${accountId}/events`, request.query);
    const page = await readPage<EventRow & { payload: Uint8Array }>(request.reads.pool, {
      select: Prisma.sql`${eventColumns}, payload FROM events`,
      where: [Prisma.sql`record_ids @> ARRAY[${accountId}]`, Prisma.sql`duplicate_of IS NULL`],
      order,
      after: decodeCursor(list, request.query.cursor, order),
      limit: request.query.limit ?? defaultLimit,
    });
    if (page.rows.length === 0 && !(await isKnown(request.reads.pool, accountId))) {
      throw new Problem('not-found', `The mirror holds no account ${accountId}.`);
    }
    const decoded = await decodeEvents(page.rows);
    const data = page.rows.map((row, index) => accountEventJson(row, decoded[index]));
    return pageOf(request, reply, list, data, page.next);
  });
}

const order = { id: { sql: 'id', type: 'bigint' }, descending: true } as const;

async function isKnown(pool: HttpDependencies['pool'], accountId: string): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT 1 FROM accounts WHERE id = $1', [accountId]);
  return rowCount === 1;
}

const schema = {
  operationId: 'listAccountEvents',
  summary: 'List the history of an account',
  description: 'The change events that concern it, newest first, each with what it changed.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: Type.Object(pageParameters, { additionalProperties: false }),
  response: {
    200: ListOf(AccountEventSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
