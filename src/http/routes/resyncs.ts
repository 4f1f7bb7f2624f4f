import { Type } from 'typebox';
import { Prisma, type Resync } from '../../db/generated/client.ts';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import { NoParameters, pageParameters, ResyncPath } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ResyncSchema } from '../schemas/resync.ts';
import { ListOf, Named, OneOf, StrictObject } from '../schemas/values.ts';
import { sendList } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { type EventStreams, wantsStream } from '../streams/event-stream.ts';
import { streamResync } from '../streams/follow-resync.ts';
import { readVerifications } from '../views/read-verifications.ts';
import { type ResyncJson, readResync, resyncColumns, resyncJson } from '../views/resync.ts';
import { registerResyncActions } from './resync-actions.ts';
import { registerResyncDifferencesRoute } from './resync-differences.ts';

export function registerResyncRoutes(
  app: Server,
  dependencies: HttpDependencies,
  streams: EventStreams,
): void {
  const { pool, wakeUps } = dependencies;
  app.addSchema(ResyncSchema);

  app.get('/v1/resyncs', { config: { scope: 'read' }, schema: listSchema }, (request, reply) => {
    const { state, scope, mode } = request.query;
    return sendList<Resync, ResyncJson>(request, reply, {
      pool,
      path: '/v1/resyncs',
      parameters: request.query,
      select: Prisma.sql`${resyncColumns} FROM resyncs`,
      where: [
        state !== undefined && Prisma.sql`state = ${state}`,
        scope !== undefined && Prisma.sql`scope = ${scope}`,
        mode !== undefined && Prisma.sql`mode = ${mode}`,
      ],
      order,
      async toJson(rows) {
        const verifications = await readVerifications(pool, rows);
        return rows.map((row) => resyncJson(row, verifications.get(row.id) ?? null));
      },
    });
  });

  const getOptions = { config: { scope: 'read' }, schema: getSchema, sse: 'dual' } as const;
  app.get('/v1/resyncs/:id', getOptions, async (request, reply) => {
    const { id } = request.params;
    const resync = await readResync(pool, id);
    if (!wantsStream(request, reply)) return resync;
    await streams.send(request, reply, (signal) => streamResync({ pool, wakeUps, id }, signal));
    return reply;
  });

  registerResyncActions(app, dependencies);
  registerResyncDifferencesRoute(app, dependencies);
}

const order = {
  by: { sql: 'created_at', type: 'timestamptz' },
  id: { sql: 'id', type: 'uuid' },
  descending: true,
} as const;

const listSchema = {
  operationId: 'listResyncs',
  summary: 'List resyncs',
  description: 'Newest first.',
  tags: ['Resyncs'],
  querystring: StrictObject({
    state: Type.Optional(OneOf(resyncStates)),
    scope: Type.Optional(OneOf(resyncScopes)),
    mode: Type.Optional(OneOf(resyncModes)),
    ...pageParameters,
  }),
  response: { 200: ListOf(ResyncSchema), ...problemResponses() },
} as const;

const getSchema = {
  operationId: 'getResync',
  summary: 'Get one resync',
  description:
    'Its progress and its result. With `Accept: text/event-stream` the response is a live stream: an event `progress` with the resync whenever it changes, then an event `end`, and the stream closes. Close an `EventSource` on `end`, or it reconnects.',
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
    ...problemResponses('not-found', 'too-many-streams'),
  },
} as const;
