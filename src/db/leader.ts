import { setTimeout as pause } from 'node:timers/promises';
import type { AppContext } from '../context.ts';
import { runLoop, untilAborted } from '../run-loop.ts';
import { advisoryLocks } from './advisory-locks.ts';
import { holdLock } from './hold-lock.ts';
import { type Lease, LeaseLostError, releaseLease, renewLease, takeLease } from './lease.ts';
import { logFailure } from './log-failure.ts';
import { sendWakeUp } from './wake-up.ts';

export type LeaderContext = Pick<
  AppContext,
  'pool' | 'databaseUrl' | 'topic' | 'instance' | 'wakeUps' | 'logger'
>;

export type Leadership = {
  /** Fencing token: writes under it have no effect after another process has taken over. */
  readonly lease: Lease;
  /** False if the database has not responded for so long that another process may be the leader. */
  readonly isLockConfirmed: () => boolean;
};

/** Work of the leader until the signal aborts. It handles its own failures. */
export type LeaderWork = (leadership: Leadership, signal: AbortSignal) => Promise<void>;

const renewIntervalMs = 5_000;
const reacquireIntervalMs = 1_000;
// A pending call to Salesforce can take longer; the next leader repeats it.
const stopTimeoutMs = 3_500;

/**
 * Runs all `works` whenever this process is the leader. An advisory lock elects the leader; it belongs to a connection,
 * which ends with its process. The epoch prevents writes of a former leader that has not noticed the loss of the lock.
 */
export async function runAsLeader(
  context: LeaderContext,
  works: readonly LeaderWork[],
  signal: AbortSignal,
): Promise<void> {
  const { pool, databaseUrl, topic, wakeUps, logger } = context;
  const lock = {
    url: databaseUrl,
    lock: advisoryLocks.leader,
    applicationName: 'tidemark leader',
    untilFree: (ms: number) => wakeUps.next('lease', ms),
  };
  await runLoop({
    step: async () => {
      await holdLock(lock, signal, (held, isLockConfirmed) => lead(context, works, isLockConfirmed, held));
      return 'again';
    },
    pollMs: reacquireIntervalMs,
    onFailure: (error) => {
      if (error instanceof LeaseLostError)
        logger.warn({ topic, reason: error.message }, 'another process has taken over');
      else logFailure(logger, error, 'lease lost; reacquiring');
    },
    signal,
  });
  // Other processes can acquire the lock without waiting for their next attempt.
  await sendWakeUp(pool, 'lease').catch(() => {});
}

async function lead(
  context: LeaderContext,
  works: readonly LeaderWork[],
  isLockConfirmed: () => boolean,
  held: AbortSignal,
): Promise<void> {
  const { pool, topic, instance, logger } = context;
  const lease = await takeLease(pool, topic, instance);
  logger.info({ topic, epoch: lease.epoch.toString() }, 'lease acquired');
  const over = new AbortController();
  const signal = AbortSignal.any([held, over.signal]);
  const leadership = { lease, isLockConfirmed };
  // If one work ends, all of them end.
  const ends = [...works, renewUntilAborted(context)].map((work) =>
    work(leadership, signal).finally(() => over.abort()),
  );
  const ended = Promise.allSettled(ends);
  await untilAborted(signal);
  const outcomes = await Promise.race([ended, pause(stopTimeoutMs, [], { ref: false })]);
  await releaseLease(pool, lease).catch(() => {});
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

function renewUntilAborted({ pool }: LeaderContext): LeaderWork {
  return ({ lease }, signal) =>
    runLoop({
      step: async () => {
        await renewLease(pool, lease);
        return 'wait';
      },
      waitsFirst: true,
      pollMs: renewIntervalMs,
      onFailure: (error) => {
        // While the database is unreachable, no other process can take over either.
        if (error instanceof LeaseLostError) throw error;
      },
      signal,
    });
}
