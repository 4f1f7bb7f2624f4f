import { Type } from 'typebox';
import { retryEvent } from '../../apply/retry-event.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { Problem } from '../problem.ts';
import { EventPath, identified } from '../schemas/event-path.ts';
import { NoBody, NoParameters } from '../schemas/parameters.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';

export function registerEventRetryRoute(app: Server, { pool, prisma }: HttpDependencies): void {
  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/events/:id/retry', options, async (request, reply) => {
    const { id } = request.params;
    const known = await prisma.event.findMany({ where: identified(id), select: { id: true } });
    const answer = await once(pool, request, async (client) => {
      const retried = await retryEvent(
        client,
        known.map((event) => event.id),
      );
      if (retried === undefined) throw new Problem('not-found', `The log holds no failed event ${id}.`);
      return { status: 202, body: { id: retried.toString(), state: 'stored' as const } };
    });
    sendIdempotent(reply, answer);
    return answer.body;
  });
}

const schema = {
  operationId: 'retryEvent',
  summary: 'Apply a failed event again',
  description:
    'Puts it back among the events that wait to be applied. Applying an event late does no harm: it changes only what nothing newer has changed. Takes no body, or an empty object.',
  tags: ['Events'],
  params: EventPath,
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    202: Type.Object(
      { id: Type.String(), state: OneOf(['stored']) },
      {
        description: 'It waits to be applied; `GET /v1/events/{id}` says what became of it.',
        headers: replayHeaders(),
      },
    ),
    ...workProblemResponses('not-found'),
  },
} as const;
