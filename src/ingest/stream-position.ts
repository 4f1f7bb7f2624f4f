import type { AppContext } from '../context.ts';
import { inTransaction } from '../db/database.ts';
import type { Lease } from '../db/lease.ts';
import { repairByResync } from '../incidents/detected-gaps.ts';
import { requestRepair } from '../resync/request-resync.ts';
import type { ReplayFrom } from '../salesforce/pubsub-stream.ts';
import { clearPosition, readSubscription, type SubscriptionRow } from './subscription-rows.ts';

export type PositionContext = Pick<AppContext, 'pool' | 'topic' | 'jobs' | 'replayPreset' | 'logger'> & {
  readonly lease: Lease;
};

// Maximum age of a position to resume from; the event bus keeps events for 72 hours.
const maxPositionAgeMs = 48 * 3_600_000;

/**
 * Reacts to a position that the event bus no longer knows. The stream restarts at the oldest event, and a resync reads
 * the records that changed since the last position, so that no change is missed.
 */
export async function recoverPosition(context: PositionContext): Promise<void> {
  const { pool, topic, lease, logger } = context;
  await inTransaction(pool, async (client) => {
    const subscription = await readSubscription(client, topic);
    const { positionAt, startedAt } = subscription;
    const replayId = resumePosition(subscription);
    if (replayId === null) return;
    const since = new Date((positionAt ?? startedAt).getTime() - 5 * 60_000);
    await clearPosition(client, lease);
    const resync = await repairByResync(context, client, {
      cause: 'position lost',
      detail: `Salesforce no longer knows the position ${replayId.toString('base64')}.`,
      from: since,
      request: { scope: 'since', since, reason: 'position lost' },
    });
    logger.warn(
      { resync, since },
      'position lost; restarting at the oldest event and reading changed records',
    );
  });
}

/**
 * The start of the stream: after the newest stored event, or after the newest keepalive if that event is so old that
 * the bus may no longer have it.
 */
export function replayStart({ replayPreset }: PositionContext, subscription: SubscriptionRow): ReplayFrom {
  const replayId = resumePosition(subscription);
  if (replayId !== null) return { preset: 'CUSTOM', replayId };
  // After the initial load, a missing position was lost, and the oldest event is the only safe start.
  const isFirst = replayPreset === 'latest' && subscription.loadedAt === null;
  return { preset: isFirst ? 'LATEST' : 'EARLIEST' };
}

function resumePosition({ replayId, positionAt, keepaliveReplayId }: SubscriptionRow): Buffer | null {
  const isOld = positionAt !== null && Date.now() - positionAt.getTime() > maxPositionAgeMs;
  return isOld ? (keepaliveReplayId ?? replayId) : (replayId ?? keepaliveReplayId);
}

/**
 * Requests a read of the records that changed since `startedAt`. A stream from the end of the bus is only confirmed by
 * its first response; earlier changes could be missing in both the stream and the initial load.
 */
export async function requestReadSinceStart({ pool, jobs }: PositionContext, startedAt: Date): Promise<void> {
  await inTransaction(pool, async (client) => {
    const since = new Date(startedAt.getTime() - 60_000);
    await requestRepair(client, jobs.enqueueResync, { scope: 'since', since, reason: 'first position' });
  });
}
