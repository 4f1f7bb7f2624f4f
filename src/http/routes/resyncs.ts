import { Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { defaultLimit, NoParameters, pageParameters, ResyncPath } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { ListOf, Named, OneOf } from '../schemas/values.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { readPage } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { type EventStreams, wantsStream } from '../streams/event-stream.ts';
import { streamResync } from '../streams/follow-resync.ts';
import { readResync } from '../views/read-resync.ts';
import { readVerifications } from '../views/read-verifications.ts';
import { type ResyncRow, resyncColumns, resyncJson } from '../views/resync.ts';
import { registerResyncCancelRoute } from './resync-cancel.ts';
import { registerResyncConfirmRoute } from './resync-confirm.ts';
import { registerResyncDifferencesRoute } from './resync-differences.ts';
import { registerResyncOrderRoute } from './resync-order.ts';

export function registerResyncRoutes(
  app: Server,
  dependencies: HttpDependencies,
  streams: EventStreams,
): void {
  app.addSchema(ResyncSchema);
  addListRoute(app, dependencies);
  addGetRoute(app, dependencies, streams);
  registerResyncOrderRoute(app, dependencies);
  registerResyncCancelRoute(app, dependencies);
  registerResyncConfirmRoute(app, dependencies);
  registerResyncDifferencesRoute(app, dependencies);
}

function addListRoute(app: Server, { pool }: HttpDependencies): void {
  app.get('/v1/resyncs', { config: { scope: 'read' }, schema: listSchema }, async (request, reply) => {
    const { state, scope, mode, limit = defaultLimit, cursor } = request.query;
    const list = listKey('/v1/resyncs', request.query);
    const page = await readPage<ResyncRow>(pool, {
      select: Prisma.sql`${resyncColumns} FROM resyncs`,
      where: [
        ...(state === undefined ? [] : [Prisma.sql`state = ${state}`]),
        ...(scope === undefined ? [] : [Prisma.sql`scope = ${scope}`]),
        ...(mode === undefined ? [] : [Prisma.sql`mode = ${mode}`]),
      ],
      order,
      after: decodeCursor(list, cursor, order),
      limit,
    });
    const verifications = await readVerifications(pool, page.rows);
    const data = page.rows.map((row) => resyncJson(row, verifications.get(row.id) ?? null));
    return pageOf(request, reply, list, data, page.next);
  });
}

function addGetRoute(app: Server, { pool, wakeUps }: HttpDependencies, streams: EventStreams): void {
  const options = { config: { scope: 'read' }, schema: getSchema, sse: 'dual' } as const;
  app.get('/v1/resyncs/:id', options, async (request, reply) => {
    const { id } = request.params;
    const resync = await readResync(pool, id);
    if (!wantsStream(request, reply)) return resync;
    await streams.answer(request, reply, (signal) => streamResync({ pool, wakeUps, id }, signal));
    return reply;
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
  querystring: Type.Object(
    {
      state: Type.Optional(OneOf(resyncStates)),
      scope: Type.Optional(OneOf(resyncScopes)),
      mode: Type.Optional(OneOf(resyncModes)),
      ...pageParameters,
    },
    { additionalProperties: false },
  ),
  response: {
    200: ListOf(ResyncSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

const getSchema = {
  operationId: 'getResync',
  summary: 'Get one resync',
  description:
    'Its progress and its result. With `Accept: text/event-stream` it is followed live: an event `progress` with the resync whenever it has changed, then an event `end` with it, and the stream closes. Close an `EventSource` on `end`, or it connects again.',
  tags: ['Resyncs'],
  params: ResyncPath,
  querystring: NoParameters,
  response: {
    200: {
      description: 'The resync, or the stream of its progress.',
      content: {
        'application/json': { schema: Named(ResyncSchema) },
        'text/event-stream': { schema: Type.String() },
      },
    },
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found', 'too-many-streams'),
  },
} as const;
