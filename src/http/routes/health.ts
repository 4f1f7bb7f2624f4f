import { Type } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import type { Server } from '../server.ts';

export function addHealthRoutes(app: Server, { pool, readiness, stopping }: HttpDependencies): void {
  app.get('/health/live', { schema: liveSchema }, async () => ({ live: true }) as const);

  app.get('/health/ready', { schema: readySchema }, async () => {
    if (stopping?.aborted) throw notReady(['This process is being stopped.']);
    const reasons = (await answers(pool)) ? await readiness() : ['The database does not answer.'];
    if (reasons.length === 0) return { ready: true } as const;
    throw notReady(reasons);
  });
}

function notReady(reasons: readonly string[]): Problem {
  return new Problem('not-ready', reasons.join(' '), { members: { reasons } });
}

// A probe waits for about two seconds, so the answer must not hang with the database.
async function answers(pool: HttpDependencies['pool']): Promise<boolean> {
  const { promise: tooLate, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, 1_500, false);
  const asked = pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([asked, tooLate]);
  } finally {
    clearTimeout(timer);
  }
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
  summary: 'Can it serve?',
  description: 'Asks the database and the synchronisation; the problem lists the reasons if not.',
  tags: ['Health'],
  security: [],
  querystring: NoParameters,
  response: {
    200: Type.Object({ ready: Type.Literal(true) }, { description: 'It can.' }),
    ...problemResponses('invalid-request', 'not-ready'),
  },
} as const;
