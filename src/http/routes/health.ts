import { Type } from 'typebox';
import { notReadyReasons } from '../../health/problem.ts';
import { Problem } from '../problem.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { publicProblemResponses } from '../schemas/problem.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

export function registerHealthRoutes(app: Server, { health, hasSyncRole, stopping }: HttpDependencies): void {
  app.get('/health/live', { schema: liveSchema }, async () => ({ live: true }) as const);

  app.get('/health/ready', { schema: readySchema }, async () => {
    if (stopping?.aborted) throw notReady(['The process is shutting down.']);
    const reasons = notReadyReasons(await health(), hasSyncRole);
    if (reasons.length === 0) return { ready: true } as const;
    throw notReady(reasons);
  });
}

function notReady(reasons: readonly string[]): Problem {
  return new Problem('not-ready', reasons.join(' '), { members: { reasons } });
}

const liveSchema = {
  operationId: 'getLiveness',
  summary: 'Liveness',
  description: 'Does not check any dependency: restart the process only if this fails.',
  tags: ['Health'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object({ live: Type.Literal(true) }, { description: 'The process is alive.' }),
    ...publicProblemResponses('invalid-request'),
  },
} as const;

const readySchema = {
  operationId: 'getReadiness',
  summary: 'Readiness',
  description:
    'With the role `sync`: 503 while changes are not being mirrored (`health` in `GET /v1/status` is `down`). With the role `api` alone: 503 while reads cannot be served. The problem lists the reasons.',
  tags: ['Health'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object({ ready: Type.Literal(true) }, { description: 'The process is ready.' }),
    ...publicProblemResponses('invalid-request', 'not-ready'),
  },
} as const;
