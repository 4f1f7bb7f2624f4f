import { Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { decodeCursor, listKey } from '../cursor.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { type ResyncRow, resyncColumns, resyncJson } from '../json/resync.ts';
import { readPage } from '../keyset.ts';
import { Problem } from '../problem.ts';
import { defaultLimit, NoParameters, pageParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { ListOf, Named } from '../schemas/values.ts';
import { pageOf } from '../send-page.ts';
import type { Server } from '../server.ts';

export function addResyncRoutes(app: Server, { pool, prisma }: HttpDependencies): void {
  app.addSchema(ResyncSchema);

  app.get('/v1/resyncs', { config: { scope: 'read' }, schema: listSchema }, async (request, reply) => {
    const list = listKey('/v1/resyncs', request.query);
    const page = await readPage<ResyncRow>(pool, {
      select: Prisma.sql`${resyncColumns} FROM resyncs`,
      where: [],
      order,
      after: decodeCursor(list, request.query.cursor, order),
      limit: request.query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, list, page.rows.map(resyncJson), page.next);
  });

  app.get('/v1/resyncs/:id', { config: { scope: 'read' }, schema: getSchema }, async (request) => {
    const row = await prisma.resync.findUnique({ where: { id: request.params.id } });
    if (row === null) throw new Problem('not-found', `There is no resync ${request.params.id}.`);
    return resyncJson(row);
  });
}

const order = {
  by: { sql: 'created_at', type: 'timestamptz' },
  id: { sql: 'id', type: 'uuid' },
  descending: true,
} as const;

const listSchema = {
  operationId: 'listResyncs',
  summary: 'List resyncs',
  description: 'Readings of records from Salesforce, newest first.',
  tags: ['Resyncs'],
  querystring: Type.Object(pageParameters, { additionalProperties: false }),
  response: {
    200: ListOf(ResyncSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

const getSchema = {
  operationId: 'getResync',
  summary: 'Get one resync',
  description: 'Its progress and its result.',
  tags: ['Resyncs'],
  params: Type.Object(
    { id: Type.String({ format: 'uuid', maxLength: 36, description: 'Id of the resync.' }) },
    { additionalProperties: false },
  ),
  querystring: NoParameters,
  response: {
    200: Named(ResyncSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
