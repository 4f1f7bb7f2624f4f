import type { AppContext } from '../context.ts';
import { inTransaction } from '../db/database.ts';
import type { Lease } from '../db/lease.ts';
import { repairByResync } from '../incidents/detected-gaps.ts';
import { requestResync } from '../resync/request-resync.ts';
import type { ReplayFrom } from '../salesforce/pubsub-stream.ts';
import { forgetPosition, readSubscription, type SubscriptionRow } from './subscription-rows.ts';

export type PositionContext = Pick<AppContext, 'pool' | 'topic' | 'jobs' | 'replayPreset' | 'logger'> & {
  readonly lease: Lease;
};

// Events stay on the bus for 72 hours; behind one that is younger than this it is safe to resume.
const keptForMs = 48 * 3_600_000;

/**
 * The bus doesn't know our position any more. What it still keeps is read from its beginning, and what was changed
 * since the last certain moment is read from Salesforce: nothing in between stays unread.
 */
export async function recoverPosition(context: PositionContext): Promise<void> {
  const { pool, topic, lease, logger } = context;
  await inTransaction(pool, async (client) => {
    const subscription = await readSubscription(client, topic);
    const { positionAt, startedAt } = subscription;
    const replayId = resumePosition(subscription);
    if (replayId === null) return;
    const since = new Date((positionAt ?? startedAt).getTime() - 5 * 60_000);
    await forgetPosition(client, lease);
    const resync = await repairByResync(context, client, {
      cause: 'position lost',
      detail: `Salesforce does not know the position ${replayId.toString('base64')} any more.`,
      from: since,
      request: { scope: 'since', since, reason: 'position lost' },
    });
    logger.warn(
      { resync, since },
      'the position was lost; starting from the oldest event, reading what changed',
    );
  });
}

/**
 * Behind the newest stored event: that is never ahead of anything. Where it is so old that the bus may have forgotten
 * it, behind the newest keepalive.
 */
export function replayStart({ replayPreset }: PositionContext, subscription: SubscriptionRow): ReplayFrom {
  const replayId = resumePosition(subscription);
  if (replayId !== null) return { preset: 'CUSTOM', replayId };
  // Without a position after the first load, one was lost: the oldest event is the safe start.
  const isFirst = replayPreset === 'latest' && subscription.loadedAt === null;
  return { preset: isFirst ? 'LATEST' : 'EARLIEST' };
}

function resumePosition({ replayId, positionAt, keepaliveReplayId }: SubscriptionRow): Buffer | null {
  const isOld = positionAt !== null && Date.now() - positionAt.getTime() > keptForMs;
  return isOld ? (keepaliveReplayId ?? replayId) : (replayId ?? keepaliveReplayId);
}

/**
 * A stream from the end of the bus is proven only by its first answer. What changed before that and after the load
 * began could be in neither: it is read once more.
 */
export async function readUpToHere({ pool, jobs }: PositionContext, startedAt: Date): Promise<void> {
  await inTransaction(pool, async (client) => {
    const since = new Date(startedAt.getTime() - 60_000);
    await requestResync(client, jobs.enqueueResync, { scope: 'since', since, reason: 'first position' });
  });
}
