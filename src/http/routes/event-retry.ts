import { Type } from 'typebox';
import { retryEvent } from '../../sync/retry-event.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { EventPath, identified } from '../event-path.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { OneOf } from '../schemas/values.ts';
import type { Server } from '../server.ts';

export function addEventRetryRoute(app: Server, { pool, prisma }: HttpDependencies): void {
  const options = { config: { scope: 'write' }, schema } as const;
  app.post('/v1/events/:id/retry', options, async (request, reply) => {
    const { id } = request.params;
    const where = { ...identified(id), state: 'failed' };
    const event = await prisma.event.findFirst({ where, orderBy: { id: 'asc' }, select: { id: true } });
    if (event === null || !(await retryEvent(pool, event.id))) {
      throw new Problem('not-found', `The log holds no failed event ${id}.`);
    }
    reply.code(202);
    return { id: event.id.toString(), state: 'stored' } as const;
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
  body: NoBody,
  response: {
    202: Type.Object(
      { id: Type.String(), state: OneOf(['stored']) },
      { description: 'It waits to be applied; `GET /v1/events/{id}` says what became of it.' },
    ),
    ...problemResponses(
      'invalid-request',
      'unauthenticated',
      'forbidden',
      'not-found',
      'payload-too-large',
      'unsupported-media-type',
    ),
  },
} as const;
