import { Type } from 'typebox';
import { notReadyReasons } from '../../health/describe-problem.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import type { Server } from '../server-type.ts';

export function registerHealthRoutes(app: Server, { health, mirrors, stopping }: HttpDependencies): void {
  app.get('/health/live', { schema: liveSchema }, async () => ({ live: true }) as const);

  app.get('/health/ready', { schema: readySchema }, async () => {
    if (stopping?.aborted) throw notReady(['This process is being stopped.']);
    const reasons = notReadyReasons(await health(), mirrors);
    if (reasons.length === 0) return { ready: true } as const;
    throw notReady(reasons);
  });
}

function notReady(reasons: readonly string[]): Problem {
  return new Problem('not-ready', reasons.join(' '), { members: { reasons } });
}

const liveSchema = {
  operationId: 'getLiveness',
  summary: 'Is the process alive?',
  description: 'Asks nobody else: a restart would help only if this fails.',
  tags: ['Health'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object({ live: Type.Literal(true) }, { description: 'It is.' }),
    ...problemResponses('invalid-request'),
  },
} as const;

const readySchema = {
  operationId: 'getReadiness',
  summary: 'Can this process do its job?',
  description:
    'With the role `sync`: 503 while changes are not being mirrored, that is while `health` in `GET /v1/status` is `down`. With the role `api` alone: 503 while reads cannot be served. The problem lists the reasons.',
  tags: ['Health'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object({ ready: Type.Literal(true) }, { description: 'It can.' }),
    ...problemResponses('invalid-request', 'not-ready'),
  },
} as const;
