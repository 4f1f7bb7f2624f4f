import type { Static } from 'typebox';
import { unreachableCode } from '../../db/database-fault.ts';
import type { Verdict } from '../../health/verdict.ts';
import { healthReasons } from '../../operations/health-changes.ts';
import { unavailable } from '../plugins/error-handler.ts';
import type { Problem } from '../problem.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { StatusSchema } from '../schemas/status.ts';
import { isoTime, Named } from '../schemas/values.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import type { Counts } from '../views/read-counts.ts';
import { readFieldStatus } from '../views/read-field-status.ts';
import { readFreshness } from '../views/read-freshness.ts';
import { readLastVerification, readOpenResyncs } from '../views/read-resync-status.ts';
import { readSubscriptionStatus } from '../views/read-subscription-status.ts';
import { readWriteBackStatus } from '../views/read-write-back-status.ts';

export function registerStatusRoute(
  app: Server,
  dependencies: HttpDependencies,
  readCounts: () => Promise<Counts>,
): void {
  app.addSchema(StatusSchema);

  app.get('/v1/status', { config: { scope: 'read' }, schema }, async (): Promise<Status> => {
    const health = await dependencies.health();
    const { counts, ...details } = await readDetails(dependencies, readCounts).catch((error: unknown) => {
      throw outageProblem(health) ?? error;
    });
    const { none: _, ...codes } = counts.accounts.byCodeState;
    return {
      ...healthJson(health),
      salesforceUrl: dependencies.salesforceUrl?.() ?? null,
      ...details,
      backlog: counts.events.stored,
      counts,
      replica: replicaStatus(dependencies),
      writeBack: await readWriteBackStatus(dependencies, codes),
    };
  });
}

/** One after the other, so that a request uses few connections. */
async function readDetails(dependencies: HttpDependencies, readCounts: () => Promise<Counts>) {
  const { pool, prisma } = dependencies;
  return {
    freshness: await readFreshness(pool),
    subscription: await readSubscriptionStatus(dependencies),
    counts: await readCounts(),
    lastVerification: await readLastVerification(pool),
    ...(await readFieldStatus(pool)),
    resyncs: await readOpenResyncs(prisma),
    lastErrors: await readLastErrors(dependencies),
  };
}

/** The cause, if the health check found that the database does not answer. */
function outageProblem({ problems }: Verdict): Problem | undefined {
  const outage = problems.find(({ code }) => code === unreachableCode);
  return outage && unavailable(`${outage.summary} ${outage.action} (${outage.detail})`);
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

function healthJson(verdict: Verdict) {
  const { health, freshThrough, lagMs, verifiedThrough } = verdict;
  return {
    health,
    reasons: healthReasons(verdict),
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
