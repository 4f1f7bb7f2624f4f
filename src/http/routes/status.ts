import type { Static } from 'typebox';
import type { Subscription } from '../../db/generated/client.ts';
import type { Instance } from '../../sync/lease.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { isoTime } from '../json/time.ts';
import { readCounts } from '../read-counts.ts';
import { readFidelity, readOpenResyncs } from '../read-resync-status.ts';
import { readWriteBackStatus } from '../read-write-back-status.ts';
import { NoParameters } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { StatusSchema } from '../schemas/status.ts';
import { Named } from '../schemas/values.ts';
import type { Server } from '../server.ts';

export function addStatusRoute(app: Server, dependencies: HttpDependencies): void {
  app.addSchema(StatusSchema);

  app.get('/v1/status', { config: { scope: 'read' }, schema }, async (): Promise<Status> => {
    const [subscription, lagMilliseconds, counts, fidelity, resyncs, lastErrors] = await Promise.all([
      readSubscription(dependencies),
      readLag(dependencies),
      readCounts(dependencies.pool),
      readFidelity(dependencies.pool),
      readOpenResyncs(dependencies.pool),
      readLastErrors(dependencies),
    ]);
    const { none: _, ...codes } = counts.accounts.byCodeState;
    const writeBack = await readWriteBackStatus(dependencies, codes);
    const backlog = counts.events.stored;
    const replica = readReplica(dependencies);
    return {
      subscription,
      lagMilliseconds,
      backlog,
      counts,
      replica,
      writeBack,
      fidelity,
      resyncs,
      lastErrors,
    };
  });
}

function readReplica({ replica }: HttpDependencies): Status['replica'] {
  if (replica === undefined) return null;
  return { serves: replica.serves(), behindMilliseconds: replica.behindMs() };
}

async function readSubscription({ prisma, topic }: HttpDependencies): Promise<Status['subscription']> {
  const row = await prisma.subscription.findUnique({ where: { topic } });
  return {
    topic,
    organizationId: row?.organizationId ?? null,
    state: states.find((state) => state === row?.state) ?? 'idle',
    stateSince: isoTime(row?.stateSince ?? null),
    lastError: row?.lastError ?? null,
    lastEventAt: isoTime(row?.lastEventAt ?? null),
    lastKeepaliveAt: isoTime(row?.lastKeepaliveAt ?? null),
    position: positionOf(row),
    loadedAt: isoTime(row?.loadedAt ?? null),
    holder: holderOf(row),
    epoch: String(row?.epoch ?? 0n),
  };
}

function holderOf(row: Subscription | null): Status['subscription']['holder'] {
  const { holder, heldSince, renewedAt } = row ?? {};
  if (holder == null) return null;
  const { name, host, pid } = holder as Instance;
  return { name, host, pid, since: isoTime(heldSince ?? null), seenAt: isoTime(renewedAt ?? null) };
}

/** The newest of the two positions: of the last event, of the last keepalive. */
function positionOf(row: Subscription | null): string | null {
  const keepaliveIsNewer = (row?.lastKeepaliveAt ?? 0) > (row?.positionAt ?? 0);
  const newest = keepaliveIsNewer
    ? (row?.keepaliveReplayId ?? row?.replayId)
    : (row?.replayId ?? row?.keepaliveReplayId);
  return newest ? Buffer.from(newest).toString('base64') : null;
}

const states = ['idle', 'connecting', 'streaming', 'waiting', 'stopped'] as const;

// Both times are the database's, so that no clock difference counts as lag.
async function readLag({ pool, topic }: HttpDependencies): Promise<number> {
  const { rows } = await pool.query<{ lag: number }>(
    `SELECT greatest(0, extract(epoch FROM clock_timestamp() - received_at) * 1000)::int8::float8 AS lag
       FROM events WHERE topic = $1 AND state = 'stored' ORDER BY id LIMIT 1`,
    [topic],
  );
  return rows[0]?.lag ?? 0;
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
  description: 'Whether it is live, how far behind it is, what it holds and what went wrong last.',
  tags: ['Status'],
  querystring: NoParameters,
  response: {
    200: Named(StatusSchema),
    ...problemResponses('invalid-request', 'unauthenticated', 'forbidden'),
  },
} as const;

type Status = Static<typeof StatusSchema>;
