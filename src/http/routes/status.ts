import type { Static } from 'typebox';
import type { HttpDependencies } from '../dependencies.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { StatusSchema } from '../schemas/status.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server-type.ts';
import { healthJson } from '../views/health.ts';
import { readCounts } from '../views/read-counts.ts';
import { readLastVerification, readOpenResyncs } from '../views/read-resync-status.ts';
import { readSubscriptionStatus } from '../views/read-subscription-status.ts';
import { readWriteBackStatus } from '../views/read-write-back-status.ts';
import { isoTime } from '../views/time.ts';

export function registerStatusRoute(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(StatusSchema);

  app.get('/v1/status', { config: { scope: 'read' }, schema }, async (): Promise<Status> => {
    const [health, subscription, counts, lastVerification, resyncs, lastErrors] = await Promise.all([
      dependencies.health(),
      readSubscriptionStatus(dependencies),
      readCounts(dependencies.pool),
      readLastVerification(dependencies.pool),
      readOpenResyncs(dependencies.pool),
      readLastErrors(dependencies),
    ]);
    const { none: _, ...codes } = counts.accounts.byCodeState;
    const writeBack = await readWriteBackStatus(dependencies, codes);
    const backlog = counts.events.stored;
    const replica = readReplica(dependencies);
    return {
      ...healthJson(health),
      subscription,
      backlog,
      counts,
      replica,
      writeBack,
      lastVerification,
      resyncs,
      lastErrors,
    };
  });
}

function readReplica({ replica }: HttpDependencies): Status['replica'] {
  if (replica === undefined) return null;
  return { serves: replica.serves(), behindMilliseconds: replica.behindMs() };
}

async function readLastErrors({ prisma }: HttpDependencies): Promise<Status['lastErrors']> {
  const rows = await prisma.event.findMany({
    where: { state: 'failed' },
    orderBy: { id: 'desc' },
    take: 5,
    select: { id: true, eventId: true, receivedAt: true, error: true },
  });
  return rows.map((row) => ({ ...row, id: row.id.toString(), receivedAt: isoTime(row.receivedAt) }));
}

const schema = {
  operationId: 'getStatus',
  summary: 'Get the state of the mirror',
  description:
    'Begins with a verdict: how the mirror is doing, why, and what to do. Then the details: how far behind it is, what it holds and what went wrong last.',
  tags: ['Status'],
  querystring: NoParameters,
  response: {
    200: Named(StatusSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

type Status = Static<typeof StatusSchema>;
