import { Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { defaultLimit, pageParameters, ResyncPath } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, OneOf } from '../schemas/values.ts';
import { DifferenceSchema, differenceKinds } from '../schemas/verification.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { readPage } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { noSuchResync } from '../views/read-resync.ts';
import { type DifferenceRow, differenceJson } from '../views/read-verifications.ts';

export function registerResyncDifferencesRoute(app: Server, { pool, prisma }: HttpDependencies): void {
  app.addSchema(DifferenceSchema);

  const options = { config: { scope: 'read' }, schema } as const;
  app.get('/v1/resyncs/:id/differences', options, async (request, reply) => {
    const { id } = request.params;
    const { kind, limit = defaultLimit, cursor } = request.query;
    const list = listKey(`/v1/resyncs/${id}/differences`, request.query);
    const after = decodeCursor(list, cursor, order);
    if ((await prisma.resync.count({ where: { id } })) === 0) throw noSuchResync(id);
    const page = await readPage<DifferenceRow>(pool, {
      select: Prisma.sql`account_id AS "accountId", kind, "values", modified_at AS "modifiedAt" FROM resync_differences`,
      where: [
        Prisma.sql`resync_id = ${id}::uuid AND confirmed`,
        ...(kind === undefined ? [] : [Prisma.sql`kind = ${kind}`]),
      ],
      order,
      after,
      limit,
    });
    return pageOf(request, reply, list, page.rows.map(differenceJson), page.next);
  });
}

const order = { id: { sql: 'account_id', type: 'text' }, descending: false } as const;

const schema = {
  operationId: 'listResyncDifferences',
  summary: 'List the differences that a verify found',
  description: 'One entry for each account that differs, in the order of their ids; confirmed ones only.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: Type.Object(
    { kind: Type.Optional(OneOf(differenceKinds)), ...pageParameters },
    { additionalProperties: false },
  ),
  response: {
    200: ListOf(DifferenceSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
