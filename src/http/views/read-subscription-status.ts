import type { Static } from 'typebox';
import type { Subscription } from '../../db/generated/client.ts';
import type { Instance } from '../../db/lease.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { isoTime } from '../schemas/values.ts';
import type { HttpDependencies } from '../server-types.ts';

/** Reads the state of the stream, which another process may own. */
export async function readSubscriptionStatus({
  prisma,
  topic,
}: Pick<HttpDependencies, 'prisma' | 'topic'>): Promise<Status['subscription']> {
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

/** The newer of two positions: the last event and the last keepalive. */
function positionOf(row: Subscription | null): string | null {
  const keepaliveIsNewer = (row?.lastKeepaliveAt ?? 0) > (row?.positionAt ?? 0);
  const newest = keepaliveIsNewer
    ? (row?.keepaliveReplayId ?? row?.replayId)
    : (row?.replayId ?? row?.keepaliveReplayId);
  return newest ? Buffer.from(newest).toString('base64') : null;
}

const states = ['idle', 'connecting', 'streaming', 'waiting', 'stopped'] as const;

type Status = Static<typeof StatusSchema>;
