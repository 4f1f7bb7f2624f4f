import { type Static, Type } from 'typebox';
import { type Incident, Prisma } from '../../db/generated/client.ts';
import { incidentCauses } from '../../incidents/incident-rows.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { IncidentSchema, incidentExtents, incidentStates } from '../schemas/incident.ts';
import { defaultLimit, pageParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, OneOf } from '../schemas/values.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { readPage } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { isoTime } from '../views/time.ts';

export function registerIncidentRoutes(app: Server, { pool }: HttpDependencies): void {
  app.addSchema(IncidentSchema);

  app.get('/v1/incidents', { config: { scope: 'read' }, schema }, async (request, reply) => {
    const { query } = request;
    const list = listKey('/v1/incidents', query);
    const page = await readPage<Incident>(pool, {
      select: Prisma.sql`${columns} FROM incidents`,
      where: [
        ...(query.state === undefined ? [] : [Prisma.sql`state = ${query.state}`]),
        ...(query.cause === undefined ? [] : [Prisma.sql`cause = ${query.cause}`]),
      ],
      order,
      after: decodeCursor(list, query.cursor, order),
      limit: query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, list, page.rows.map(incidentJson), page.next);
  });
}

const order = { id: { sql: 'id', type: 'bigint' }, descending: true } as const;

const columns =
  Prisma.raw(`id, topic, cause, detail, extent, account_ids AS "accountIds", event_ids AS "eventIds",
  "from", "to", state, resync_id AS "resyncId", opened_at AS "openedAt", closed_at AS "closedAt"`);

function incidentJson(row: Incident): Static<typeof IncidentSchema> {
  return {
    id: row.id.toString(),
    topic: row.topic,
    cause: incidentCauses.find((cause) => cause === row.cause) ?? 'gap',
    detail: row.detail,
    extent: incidentExtents.find((extent) => extent === row.extent) ?? 'all',
    accountIds: row.accountIds,
    eventIds: row.eventIds.map(String),
    from: isoTime(row.from),
    to: isoTime(row.to),
    state: incidentStates.find((state) => state === row.state) ?? 'open',
    resyncId: row.resyncId,
    openedAt: isoTime(row.openedAt),
    closedAt: isoTime(row.closedAt),
  };
}

const schema = {
  operationId: 'listIncidents',
  summary: 'List incidents',
  description:
    'Every known hole in what was received, newest first: its cause, its extent, and whether it has been repaired. Repairs start by themselves.',
  tags: ['Status'],
  querystring: Type.Object(
    {
      state: Type.Optional(OneOf(incidentStates)),
      cause: Type.Optional(OneOf(incidentCauses)),
      ...pageParameters,
    },
    { additionalProperties: false },
  ),
  response: {
    200: ListOf(IncidentSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;
