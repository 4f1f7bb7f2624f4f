import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { advisoryLocks } from './advisory-locks.ts';
import { holdLock } from './hold-lock.ts';
import { type Instance, type Lease, LeaseLostError, releaseLease, renewLease, takeLease } from './lease.ts';
import { logFailure } from './log-failure.ts';
import { sendWakeUp, type WakeUps } from './wake-up.ts';

export type LeaseContext = {
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  readonly topic: string;
  readonly instance: Instance;
  readonly logger: Logger;
};

/** Something that one process of all does, until the signal aborts. */
export type HolderWork = (lease: Lease, held: AbortSignal) => Promise<void>;

const renewEveryMs = 5_000;

/**
 * Does `works` whenever this process is the one that follows the topic. An advisory lock decides who that is, by a
 * connection that dies with its process; the epoch keeps whoever lost the lock without knowing it from writing.
 */
export async function holdLease(
  context: LeaseContext,
  wakeUps: WakeUps,
  signal: AbortSignal,
  works: readonly HolderWork[],
): Promise<void> {
  const { pool, databaseUrl, logger } = context;
  const lock = {
    url: databaseUrl,
    lock: advisoryLocks.subscription,
    applicationName: 'tidemark lease',
    untilFree: (ms: number) => wakeUps.next('lease', ms),
  };
  while (!signal.aborted) {
    try {
      await holdLock(lock, signal, (held) => workUnderLease(context, held, works));
    } catch (error) {
      if (error instanceof LeaseLostError) logger.warn({ topic: context.topic }, error.message);
      else logFailure(logger, error, 'lease lost; reacquiring');
      await pause(1_000, undefined, { signal }).catch(() => {});
    }
  }
  // Those who wait need not wait for their next try.
  await sendWakeUp(pool, 'lease').catch(() => {});
}

async function workUnderLease(
  context: LeaseContext,
  held: AbortSignal,
  works: readonly HolderWork[],
): Promise<void> {
  const { pool, topic, instance, logger } = context;
  const lease = await takeLease(pool, topic, instance);
  logger.info({ topic, epoch: lease.epoch.toString() }, 'this process follows the topic now');
  const over = new AbortController();
  const signal = AbortSignal.any([held, over.signal]);
  const renewing: HolderWork = () => renewUntil(context, lease, signal);
  // The end of one of them is the end of all.
  const ends = await Promise.allSettled(
    [...works, renewing].map((work) => work(lease, signal).finally(() => over.abort())),
  );
  await releaseLease(pool, lease).catch(() => {});
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function renewUntil({ pool }: LeaseContext, lease: Lease, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(renewEveryMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await renewLease(pool, lease).catch((error: unknown) => {
      // A database that is away for a moment takes nothing from anybody.
      if (error instanceof LeaseLostError) throw error;
    });
  }
}
