import { type Static, Type } from 'typebox';
import { dismissEvents } from '../../apply/dismiss-event.ts';
import { retryEvent } from '../../apply/retry-event.ts';
import type { Queryable } from '../../db/database.ts';
import { Prisma } from '../../db/generated/client.ts';
import { changeTypes } from '../../salesforce/change-event.ts';
import {
  idempotencyHeader,
  idempotentPost,
  replayHeaders,
  withIdempotencyKey,
} from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import {
  DecodedEventSchema,
  DecodedHeaderSchema,
  EventDetailSchema,
  EventSchema,
  eventStates,
} from '../schemas/event.ts';
import {
  EventPath,
  NoParameters,
  pageParameters,
  RecordId,
  Text,
  TimeParameter,
} from '../schemas/parameters.ts';
import { eventCondition, parseRecordIdParameter, parseTimeParameter } from '../schemas/parse-parameters.ts';
import { idempotentProblemResponses, problemResponses } from '../schemas/problem.ts';
import { ListOf, Named, OneOf, StrictObject } from '../schemas/values.ts';
import { sendList } from '../search/list-page.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { type EventRow, eventColumns, eventDetailJson, eventJson } from '../views/event.ts';

export function registerEventRoutes(app: Server, { pool, prisma, decodeEvents }: HttpDependencies): void {
  for (const schema of [EventSchema, DecodedHeaderSchema, DecodedEventSchema, EventDetailSchema]) {
    app.addSchema(schema);
  }

  app.get('/v1/events', { config: { scope: 'read' }, schema: listSchema }, async (request, reply) =>
    sendList<EventRow, Static<typeof EventSchema>>(request, reply, {
      pool: request.reads.pool,
      path: '/v1/events',
      parameters: request.query,
      select: Prisma.sql`${eventColumns} FROM event_log`,
      where: conditions(request.query),
      order: { id: { sql: 'id', type: 'bigint' }, descending: true },
      toJson: (rows) => rows.map(eventJson),
    }),
  );

  app.get('/v1/events/:id', { config: { scope: 'read' }, schema: getSchema }, async (request) => {
    const { id } = request.params;
    const where = eventCondition(id);
    const row = await request.reads.prisma.loggedEvent.findFirst({ where, orderBy: { id: 'asc' } });
    if (row === null) throw unknownEvent(id);
    const [decoded] = await decodeEvents([row]);
    return eventDetailJson(row, decoded);
  });

  const retryOptions = { config: { scope: 'write' }, schema: retrySchema } as const;
  app.post('/v1/events/:id/retry', retryOptions, async (request, reply) => {
    const { id } = request.params;
    const ids = await readIds(id);
    return withIdempotencyKey(pool, request, reply, async (client) => {
      const retried = await retryEvent(client, ids);
      if (retried === undefined) throw new Problem('not-found', `Event ${id} is not a failed event.`);
      return { status: 202, body: { id: retried.toString(), state: 'stored' as const } };
    });
  });

  const dismissOptions = { config: { scope: 'admin' }, schema: dismissSchema } as const;
  app.post('/v1/events/:id/dismiss', dismissOptions, async (request, reply) => {
    const { id } = request.params;
    const ids = await readIds(id);
    if (ids.length === 0) throw unknownEvent(id);
    return withIdempotencyKey(pool, request, reply, async (client) => {
      const dismissed = await dismissEvents(client, ids, {
        by: request.callerName,
        at: new Date().toISOString(),
        reason: request.body?.reason ?? null,
      });
      if (dismissed === undefined)
        throw new Problem('conflict', `Event ${id} has not failed: there is nothing to dismiss.`);
      const row = await readEventRow(client, dismissed);
      return { status: 200, body: eventJson(row) };
    });
  });

  async function readIds(id: string): Promise<bigint[]> {
    const found = await prisma.loggedEvent.findMany({ where: eventCondition(id), select: { id: true } });
    return found.map((event) => event.id);
  }
}

function unknownEvent(id: string): Problem {
  return new Problem('not-found', `Event ${id} is not in the log.`);
}

async function readEventRow(client: Queryable, id: bigint): Promise<EventRow> {
  const { rows } = await client.query<EventRow>({
    name: 'read-logged-event',
    text: `select ${eventColumns.text} from event_log where id = $1`,
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) throw unknownEvent(id.toString());
  return row;
}

function conditions(query: Static<typeof EventQuery>): (Prisma.Sql | false)[] {
  const { state, changeType, recordId, transactionKey, since, until } = query;
  const recordIds = recordId !== undefined && [parseRecordIdParameter('recordId', recordId)];
  const from = since !== undefined && parseTimeParameter('since', since).toISOString();
  const to = until !== undefined && parseTimeParameter('until', until).toISOString();
  return [
    state !== undefined &&
      (state === 'stored'
        ? Prisma.sql`id IN (SELECT event_id FROM event_queue)`
        : Prisma.sql`outcome = ${state}`),
    changeType !== undefined && Prisma.sql`change_type = ${changeType}`,
    recordIds && Prisma.sql`record_ids @> ARRAY[${recordIds[0]}]`,
    transactionKey !== undefined && Prisma.sql`transaction_key = ${transactionKey}`,
    from !== false && Prisma.sql`received_at >= ${from}::timestamptz`,
    to !== false && Prisma.sql`received_at < ${to}::timestamptz`,
  ];
}

const EventQuery = StrictObject({
  state: Type.Optional(OneOf(eventStates, { description: 'The state of the events.' })),
  changeType: Type.Optional(OneOf(changeTypes)),
  recordId: Type.Optional(RecordId()),
  transactionKey: Type.Optional(Text('The Salesforce transaction of the events.')),
  since: Type.Optional(TimeParameter('Received at or after this time.')),
  until: Type.Optional(TimeParameter('Received before this time.')),
  ...pageParameters,
});

const listSchema = {
  operationId: 'listEvents',
  summary: 'List the event log',
  description:
    'Change events in the order of arrival, newest first. The records of an event are known once it is decoded.',
  tags: ['Events'],
  querystring: EventQuery,
  response: { 200: ListOf(EventSchema), ...problemResponses() },
} as const;

const getSchema = {
  operationId: 'getEvent',
  summary: 'Get one event, decoded',
  tags: ['Events'],
  params: EventPath,
  querystring: NoParameters,
  response: { 200: Named(EventDetailSchema), ...problemResponses('not-found') },
} as const;

const retrySchema = {
  operationId: 'retryEvent',
  summary: 'Apply a failed event again',
  description:
    'Returns the event to the queue. Applying an event late is safe: it does not overwrite newer changes. Takes no body, or an empty object.',
  tags: ['Events'],
  params: EventPath,
  ...idempotentPost,
  response: {
    202: Type.Object(
      { id: Type.String(), state: OneOf(['stored']) },
      { description: 'Queued; `GET /v1/events/{id}` shows the result.', headers: replayHeaders() },
    ),
    ...idempotentProblemResponses('not-found'),
  },
} as const;

const dismissSchema = {
  operationId: 'dismissEvent',
  summary: 'Dismiss the failure of an event',
  description:
    'Ends the failure of an event that no repair will end: its state becomes `dismissed`, and it no longer counts as failed. The mirror does not change. If the failure has ended, the event is returned unchanged. Takes no body, or an object with a reason.',
  tags: ['Events'],
  params: EventPath,
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: Type.Optional(
    Type.Union([
      Type.Object(
        {
          reason: Type.Optional(
            Type.String({ maxLength: 1_000, description: 'Why, for others who read the log.' }),
          ),
        },
        { additionalProperties: false },
      ),
      Type.Null(),
    ]),
  ),
  response: {
    200: { ...Named(EventSchema), description: 'The event.', headers: replayHeaders() },
    ...idempotentProblemResponses('not-found', 'conflict'),
  },
} as const;
