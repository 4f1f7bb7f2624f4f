import type { Static } from 'typebox';
import { unreachableCode } from '../../db/database-fault.ts';
import { problemMessage } from '../../health/problem.ts';
import type { Verdict } from '../../health/verdict.ts';
import { unavailable } from '../plugins/error-handler.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { StatusSchema } from '../schemas/status.ts';
import { isoTime, Named } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { readCounts } from '../views/read-counts.ts';
import { readFieldStatus } from '../views/read-field-status.ts';
import { readLastVerification, readOpenResyncs } from '../views/read-resync-status.ts';
import { readSubscriptionStatus } from '../views/read-subscription-status.ts';
import { readWriteBackStatus } from '../views/read-write-back-status.ts';

export function registerStatusRoute(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(StatusSchema);

  app.get('/v1/status', { config: { scope: 'read' }, schema }, async (): Promise<Status> => {
    const health = await dependencies.health();
    const outage = health.problems.find(({ code }) => code === unreachableCode);
    // The queries below would fail, each after its own timeout.
    if (outage !== undefined) throw unavailable(`${outage.summary} ${outage.action} (${outage.detail})`);
    const [subscription, counts, lastVerification, fields, resyncs, lastErrors] = await Promise.all([
      readSubscriptionStatus(dependencies),
      readCounts(dependencies.pool),
      readLastVerification(dependencies.pool),
      readFieldStatus(dependencies.pool),
      readOpenResyncs(dependencies.prisma),
      readLastErrors(dependencies),
    ]);
    const { none: _, ...codes } = counts.accounts.byCodeState;
    return {
      ...healthJson(health),
      subscription,
      backlog: counts.events.stored,
      counts,
      replica: replicaStatus(dependencies),
      writeBack: await readWriteBackStatus(dependencies, codes),
      lastVerification,
      ...fields,
      resyncs,
      lastErrors,
    };
  });
}

function replicaStatus({ replica }: HttpDependencies): Status['replica'] {
  if (replica === undefined) return null;
  return { serves: replica.serves(), behindMilliseconds: replica.behindMs() };
}

async function readLastErrors({ prisma }: HttpDependencies): Promise<Status['lastErrors']> {
  const rows = await prisma.loggedEvent.findMany({
    where: { outcome: 'failed' },
    orderBy: { id: 'desc' },
    take: 5,
    select: { id: true, eventId: true, receivedAt: true, error: true },
  });
  return rows.map((row) => ({ ...row, id: row.id.toString(), receivedAt: isoTime(row.receivedAt) }));
}

function healthJson({ health, problems, freshThrough, lagMs, verifiedThrough }: Verdict) {
  return {
    health,
    reasons: problems.map((problem) => ({
      code: problem.code,
      message: problemMessage(problem),
      since: isoTime(problem.since),
      action: problem.action,
    })),
    freshThrough: isoTime(freshThrough),
    lagMilliseconds: lagMs,
    verifiedThrough: isoTime(verifiedThrough),
  };
}

const schema = {
  operationId: 'getStatus',
  summary: 'Get the state of the mirror',
  description:
    'The health of the mirror with reasons and remedies, then the details: lag, counts, and latest errors.',
  tags: ['Status'],
  querystring: NoParameters,
  response: {
    200: Named(StatusSchema),
    ...problemResponses(),
  },
} as const;

type Status = Static<typeof StatusSchema>;
