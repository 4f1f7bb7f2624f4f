import { type Static, Type } from 'typebox';
import { columnsOf } from '../../db/columns-of.ts';
import { type Incident, Prisma } from '../../db/generated/client.ts';
import { incidentCauses } from '../../incidents/incident-rows.ts';
import { IncidentSchema, incidentExtents, incidentStates } from '../schemas/incident.ts';
import { pageParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { isoTime, ListOf, OneOf, StrictObject } from '../schemas/values.ts';
import { sendList } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

export function registerIncidentRoutes(app: Server, { pool }: HttpDependencies): void {
  app.addSchema(IncidentSchema);

  app.get('/v1/incidents', { config: { scope: 'read' }, schema }, (request, reply) => {
    const { state, cause } = request.query;
    return sendList<Incident, IncidentJson>(request, reply, {
      pool,
      path: '/v1/incidents',
      parameters: request.query,
      select: Prisma.sql`${columns} FROM incidents`,
      where: [
        state !== undefined && Prisma.sql`state = ${state}`,
        cause !== undefined && Prisma.sql`cause = ${cause}`,
      ],
      order: { id: { sql: 'id', type: 'bigint' }, descending: true },
      toJson: (rows) => rows.map(incidentJson),
    });
  });
}

type IncidentJson = Static<typeof IncidentSchema>;

const columns = Prisma.raw(columnsOf(Object.values(Prisma.IncidentScalarFieldEnum)));

function incidentJson(row: Incident): IncidentJson {
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
    'Every known gap in the received changes, newest first: its cause, its extent, and whether it is repaired. Repairs start automatically.',
  tags: ['Status'],
  querystring: StrictObject({
    state: Type.Optional(OneOf(incidentStates)),
    cause: Type.Optional(OneOf(incidentCauses)),
    ...pageParameters,
  }),
  response: { 200: ListOf(IncidentSchema), ...problemResponses() },
} as const;
