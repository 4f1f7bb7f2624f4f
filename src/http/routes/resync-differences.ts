import { Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { defaultLimit, pageParameters, ResyncPath } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { DifferenceSchema, differenceKinds } from '../schemas/resync.ts';
import { ListOf, OneOf, StrictObject } from '../schemas/values.ts';
import { readPage } from '../search/keyset.ts';
import { decodeCursor, listKey, sendPage } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { type DifferenceRow, differenceColumns, differenceJson } from '../views/read-verifications.ts';
import { unknownResync } from '../views/resync.ts';

export function registerResyncDifferencesRoute(app: Server, { pool, prisma }: HttpDependencies): void {
  app.addSchema(DifferenceSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/resyncs/:id/differences', options, async (request, reply) => {
    const { id } = request.params;
    const { kind, limit = defaultLimit, cursor } = request.query;
    const list = listKey(`/v1/resyncs/${id}/differences`, request.query);
    const after = decodeCursor(list, cursor, order);
    if ((await prisma.resync.count({ where: { id } })) === 0) throw unknownResync(id);
    const page = await readPage<DifferenceRow>(pool, {
      select: Prisma.sql`${differenceColumns} FROM resync_differences`,
      where: [
        Prisma.sql`resync_id = ${id}::uuid AND confirmed`,
        ...(kind === undefined ? [] : [Prisma.sql`kind = ${kind}`]),
      ],
      order,
      after,
      limit,
    });
    return sendPage(request, reply, list, page.rows.map(differenceJson), page.next);
  });
}

const order = { id: { sql: 'account_id', type: 'text' }, descending: false } as const;

const schema = {
  operationId: 'listResyncDifferences',
  summary: 'List the differences that a verification found',
  description: 'One entry for each account that differs, ordered by id; confirmed differences only.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: StrictObject({ kind: Type.Optional(OneOf(differenceKinds)), ...pageParameters }),
  response: { 200: ListOf(DifferenceSchema), ...problemResponses('not-found') },
} as const;
