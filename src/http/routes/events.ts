import { type Static, Type } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import { changeTypes } from '../../salesforce/change-event.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import {
  DecodedEventSchema,
  DecodedHeaderSchema,
  EventDetailSchema,
  EventSchema,
  eventStates,
} from '../schemas/event.ts';
import { EventPath, identified } from '../schemas/event-path.ts';
import {
  defaultLimit,
  MomentParameter,
  NoParameters,
  pageParameters,
  RecordId,
  Text,
} from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { readTime } from '../schemas/parse-time.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, Named, OneOf } from '../schemas/values.ts';
import { decodeCursor, listKey } from '../search/cursor.ts';
import { readPage } from '../search/keyset.ts';
import { pageOf } from '../search/send-page.ts';
import type { Server } from '../server-type.ts';
import { type EventRow, eventColumns, eventDetailJson, eventJson } from '../views/event.ts';

export function registerEventRoutes(app: Server, { decodeEvents }: HttpDependencies): void {
  for (const schema of [EventSchema, DecodedHeaderSchema, DecodedEventSchema, EventDetailSchema]) {
    app.addSchema(schema);
  }

  app.get('/v1/events', { config: { scope: 'read' }, schema: listSchema }, async (request, reply) => {
    const { query } = request;
    const list = listKey('/v1/events', query);
    const page = await readPage<EventRow>(request.reads.pool, {
      select: Prisma.sql`${eventColumns} FROM events`,
      where: conditions(query),
      order,
      after: decodeCursor(list, query.cursor, order),
      limit: query.limit ?? defaultLimit,
    });
    return pageOf(request, reply, list, page.rows.map(eventJson), page.next);
  });

  app.get('/v1/events/:id', { config: { scope: 'read' }, schema: getSchema }, async (request) => {
    const row = await request.reads.prisma.event.findFirst({
      where: identified(request.params.id),
      orderBy: { id: 'asc' },
    });
    if (row === null) throw new Problem('not-found', `The log holds no event ${request.params.id}.`);
    const [decoded] = await decodeEvents([row]);
    return eventDetailJson(row, decoded);
  });
}

function conditions(query: Static<typeof Query>): Prisma.Sql[] {
  const { state, changeType, recordId, transactionKey, since, until } = query;
  const where: Prisma.Sql[] = [];
  if (state !== undefined) where.push(Prisma.sql`state = ${state}`);
  if (changeType !== undefined) where.push(Prisma.sql`change_type = ${changeType}`);
  if (recordId !== undefined) {
    where.push(Prisma.sql`record_ids @> ARRAY[${readRecordId('recordId', recordId)}]`);
  }
  if (transactionKey !== undefined) where.push(Prisma.sql`transaction_key = ${transactionKey}`);
  if (since !== undefined) {
    where.push(Prisma.sql`received_at >= ${readTime('since', since).toISOString()}::timestamptz`);
  }
  if (until !== undefined) {
    where.push(Prisma.sql`received_at < ${readTime('until', until).toISOString()}::timestamptz`);
  }
  return where;
}

const order = { id: { sql: 'id', type: 'bigint' }, descending: true } as const;

const Query = Type.Object(
  {
    state: Type.Optional(OneOf(eventStates, { description: 'What became of them.' })),
    changeType: Type.Optional(OneOf(changeTypes)),
    recordId: Type.Optional(RecordId()),
    transactionKey: Type.Optional(Text('The Salesforce transaction they belong to.')),
    since: Type.Optional(MomentParameter('Received at that moment or later.')),
    until: Type.Optional(MomentParameter('Received before that moment.')),
    ...pageParameters,
  },
  { additionalProperties: false },
);

const listSchema = {
  operationId: 'listEvents',
  summary: 'List the event log',
  description:
    'Change events in the order of arrival, newest first. What an event concerns is known once it is decoded.',
  tags: ['Events'],
  querystring: Query,
  response: {
    200: ListOf(EventSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

const getSchema = {
  operationId: 'getEvent',
  summary: 'Get one event, decoded',
  tags: ['Events'],
  params: EventPath,
  querystring: NoParameters,
  response: {
    200: Named(EventDetailSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'not-found'),
  },
} as const;
