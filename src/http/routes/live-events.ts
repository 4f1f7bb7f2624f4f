import { Type } from 'typebox';
import { changeTypes } from '../../salesforce/change-event.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { eventStates } from '../schemas/event.ts';
import { RecordId, Text } from '../schemas/parameters.ts';
import { readRecordId } from '../schemas/parse-record-id.ts';
import { problemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import type { EventStreams } from '../streams/event-stream.ts';
import { openEventTail } from '../streams/live/event-tail.ts';
import { followEvents, startPosition } from '../streams/live/follow-events.ts';
import { decodeStreamId } from '../streams/live/stream-id.ts';
import type { StreamLimits } from '../streams/stream-limits.ts';

const defaultLimits: StreamLimits = { most: 2_000, maxPerKey: 1_000 };

export function registerLiveEventRoute(
  app: Server,
  dependencies: HttpDependencies,
  streams: EventStreams,
): void {
  const { log } = app;
  const tail = openEventTail({
    ...dependencies,
    onError: (error) => log.warn({ err: error }, 'the live stream could not read the log'),
  });
  const limits = dependencies.liveStreamLimits ?? defaultLimits;
  const options = {
    config: { scope: 'read', exemptFromConcurrencyLimit: true },
    schema,
    sse: { kind: 'manual' },
  } as const;
  app.get('/v1/events/stream', options, async (request, reply) => {
    // Who asks for the headers only must not wait for an end.
    if (request.method === 'HEAD') return reply.type('text/event-stream').send('');
    const { state = 'applied', recordId, lastEventId, ...others } = request.query;
    const filter = {
      ...others,
      state,
      ...(recordId === undefined ? {} : { recordId: readRecordId('recordId', recordId) }),
    };
    // A browser that connects again sends the header, and its URL still says where it first began.
    const id = request.headers['last-event-id'] ?? lastEventId;
    const last = id === undefined || id === '' ? null : decodeStreamId(id);
    streams.checkStreamLimit(request, limits);
    const start = startPosition(await tail.ends(), last);
    await streams.answer(request, reply, (signal) => followEvents(tail, start, filter, signal), limits);
    return reply;
  });
}

const StreamId = (description: string) =>
  Type.Optional(Type.String({ maxLength: 512, pattern: '^[A-Za-z0-9_-]*$', description }));

const schema = {
  operationId: 'streamEvents',
  summary: 'Follow the changes live',
  description: `Server-Sent Events: every event \`change\` is one change event as \`GET /v1/events/{id}\` shows it, in the order in which they took effect; the events of a Salesforce transaction follow each other. Repairs that a resync makes are no change events.

The first event is \`ready\`. Without \`Last-Event-ID\` the stream begins now. Every event has an \`id\`: send the last one as \`Last-Event-ID\` (an \`EventSource\` does so by itself) and the stream goes on behind it, without a hole and without a double, whatever process answers. Where that can't be done, an event \`reset\` follows \`ready\`, with the \`reason\`: \`expired\` (the log does not reach back so far; it goes on with the oldest event there is) or \`unknown\` (the id is of another log; it goes on from now). Read the accounts anew then.

A comment comes every 15 seconds. A reader that takes nothing for 30 seconds is let go.`,
  tags: ['Events'],
  querystring: Type.Object(
    {
      state: Type.Optional(OneOf(eventStates, { description: 'What became of them; `applied` by default.' })),
      changeType: Type.Optional(OneOf(changeTypes)),
      entityName: Type.Optional(Text('The object that they are of, such as `Account`.')),
      recordId: Type.Optional(RecordId()),
      lastEventId: StreamId(
        'For clients that can not send the header `Last-Event-ID`, which goes before it.',
      ),
    },
    { additionalProperties: false },
  ),
  headers: Type.Object({ 'last-event-id': StreamId('The `id` of the last event that arrived.') }),
  response: {
    200: {
      description: 'The stream; it ends when the server closes.',
      content: { 'text/event-stream': { schema: Type.String() } },
    },
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden', 'too-many-streams'),
  },
} as const;
