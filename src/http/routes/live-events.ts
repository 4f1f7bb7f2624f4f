import { Type } from 'typebox';
import { logFailure } from '../../db/log-failure.ts';
import { changeTypes } from '../../salesforce/change-event.ts';
import { eventStates } from '../schemas/event.ts';
import { RecordId, Text } from '../schemas/parameters.ts';
import { parseRecordIdParameter } from '../schemas/parse-parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { OneOf, StrictObject } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import type { EventStreams } from '../streams/event-stream.ts';
import { openEventTail } from '../streams/live/event-tail.ts';
import { followEvents, startPosition } from '../streams/live/follow-events.ts';
import { followNotices } from '../streams/live/follow-notices.ts';
import { decodeStreamId, type StreamPosition } from '../streams/live/stream-id.ts';
import type { StreamLimits } from '../streams/stream-limits.ts';

const defaultLimits: StreamLimits = { max: 2_000, maxPerKey: 1_000 };

export function registerLiveEventRoute(
  app: Server,
  dependencies: HttpDependencies,
  streams: EventStreams,
): void {
  const { log } = app;
  const source = {
    ...dependencies,
    onError: (error: unknown) => logFailure(log, error, 'live stream failed to read the event log'),
  };
  const tail = openEventTail(source);
  const limits = dependencies.liveStreamLimits ?? defaultLimits;
  const options = {
    config: { scope: 'read', exemptFromConcurrencyLimit: true },
    schema,
    sse: { kind: 'manual' },
  } as const;
  app.get('/v1/events/stream', options, async (request, reply) => {
    // HEAD must not wait for the end of the stream.
    if (request.method === 'HEAD') return reply.type('text/event-stream').send('');
    const { state = 'applied', recordId, lastEventId, ...others } = request.query;
    const filter = {
      ...others,
      state,
      ...(recordId === undefined ? {} : { recordId: parseRecordIdParameter('recordId', recordId) }),
    };
    const last = lastPosition(request.headers['last-event-id'], lastEventId);
    streams.checkStreamLimit(request, limits);
    const start = startPosition(await tail.readEnds(), last);
    await streams.send(request, reply, (signal) => followEvents(tail, start, filter, signal), limits);
    return reply;
  });
  app.get('/v1/events/notices', { ...options, schema: noticesSchema }, async (request, reply) => {
    if (request.method === 'HEAD') return reply.type('text/event-stream').send('');
    const last = lastPosition(request.headers['last-event-id'], request.query.lastEventId);
    streams.checkStreamLimit(request, limits);
    const start = { ends: await tail.readEnds(), last };
    await streams.send(request, reply, (signal) => followNotices(source, tail, start, signal), limits);
    return reply;
  });
}

/** A browser that reconnects sends the header; its URL still contains the first position. */
function lastPosition(header: string | undefined, parameter: string | undefined): StreamPosition | null {
  const id = header ?? parameter;
  return id === undefined || id === '' ? null : decodeStreamId(id);
}

const StreamId = (description: string) =>
  Type.Optional(Type.String({ maxLength: 512, pattern: '^[A-Za-z0-9_-]*$', description }));

const lastEventId = StreamId(
  'For clients that cannot send the `Last-Event-ID` header, which takes precedence.',
);

const sharedSchema = {
  tags: ['Events'],
  // A browser would show nothing until the stream ends.
  'x-try-it-out': false,
  headers: Type.Object({ 'last-event-id': StreamId('The `id` of the last event received.') }),
  response: {
    200: {
      description: 'The stream; it ends when the server closes.',
      content: { 'text/event-stream': { schema: Type.String() } },
    },
    ...problemResponses('too-many-streams'),
  },
} as const;

const noticesSchema = {
  ...sharedSchema,
  operationId: 'streamNotices',
  summary: 'Stream notices of changes',
  description:
    'Server-Sent Events for clients that read data again when it may have changed: an event `notice` after new events of any state, at most one per second, without their data. The first event is `ready`. The `id` of an event is the position of the newest event; `GET /v1/events/stream` resumes after it.',
  querystring: StrictObject({ lastEventId }),
} as const;

const schema = {
  ...sharedSchema,
  operationId: 'streamEvents',
  summary: 'Stream changes',
  description: `Server-Sent Events: each event \`change\` is a change event as in \`GET /v1/events/{id}\`, in the order of application; the events of a Salesforce transaction are contiguous. Repairs by a resync are not change events.

The first event is \`ready\`. Without \`Last-Event-ID\` the stream starts with new events. Every event has an \`id\`: send the last one as \`Last-Event-ID\` (an \`EventSource\` does so automatically) and any process resumes the stream after it, without gaps or duplicates. If that is not possible, an event \`reset\` follows \`ready\`, with a \`reason\`: \`expired\` (the event is no longer in the log; the stream starts with the oldest event) or \`unknown\` (the id belongs to another log; the stream starts with new events). Read all accounts again after a \`reset\`.

The server sends a comment every 15 seconds. It disconnects a client that reads nothing for 30 seconds.`,
  querystring: StrictObject({
    state: Type.Optional(
      OneOf(eventStates, { description: 'The state of the events; defaults to `applied`.' }),
    ),
    changeType: Type.Optional(OneOf(changeTypes)),
    entityName: Type.Optional(Text('The object of the events, such as `Account`.')),
    recordId: Type.Optional(RecordId()),
    lastEventId,
  }),
} as const;
