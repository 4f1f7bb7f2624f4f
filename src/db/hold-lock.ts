import pg from 'pg';
import { runLoop, sleep, untilAborted } from '../run-loop.ts';
import type { AdvisoryLock } from './advisory-locks.ts';
import { connectionTo } from './servers.ts';

/**
 * Runs `work` while this process holds an advisory lock. The lock belongs to a connection. If the connection breaks,
 * the work is aborted. If the process is killed, another one takes over within a second. If the process is paused or
 * disconnected, the database closes the connection after a timeout.
 *
 * @param signal ends the wait for the lock, and the work
 * @param work gets a signal that aborts when the lock is lost, and a function that returns false if the database has
 *   not responded for so long that another process may hold the lock
 * @throws the error of the work, or of the connection
 */
export async function holdLock(
  options: LockOptions,
  signal: AbortSignal,
  work: (held: AbortSignal, isLockConfirmed: () => boolean) => Promise<void>,
): Promise<void> {
  const { heartbeatIntervalMs = defaultHeartbeatIntervalMs } = options;
  const lockTimeoutMs = 4 * heartbeatIntervalMs;
  const lost = new AbortController();
  const client = new pg.Client({
    ...connectionTo(options.url),
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  let broken = false;
  const onLost = (): void => {
    broken = true;
    lost.abort();
  };
  client.on('error', onLost);
  const held = AbortSignal.any([signal, lost.signal]);
  try {
    await client.connect();
    // The database releases the lock of a holder that does not respond after this time.
    await client.query(`set idle_session_timeout = ${lockTimeoutMs}`);
    if (!(await acquireLock(client, options, held))) return;
    let confirmedAt = Date.now();
    const isLockConfirmed = (): boolean => !held.aborted && Date.now() - confirmedAt < lockTimeoutMs;
    const heartbeat = runLoop({
      step: async () => {
        const sentAt = Date.now();
        await client.query('select 1');
        confirmedAt = sentAt;
        return 'wait';
      },
      waitsFirst: true,
      pollMs: heartbeatIntervalMs,
      // No reply: assume the lock is lost.
      onFailure: onLost,
      signal: held,
    });
    await work(held, isLockConfirmed).finally(() => lost.abort());
    await heartbeat;
    // Release the lock before the session ends, so that it is free when other processes are notified.
    if (!broken) await client.query('select pg_advisory_unlock_all()').catch(() => {});
  } finally {
    // The end of the session releases the lock.
    await client.end().catch(() => {});
  }
}

export type LockOptions = {
  readonly url: string;
  readonly lock: AdvisoryLock;
  readonly applicationName: string;
  /** Resolves when the lock may be free, after `ms` at the latest. */
  readonly untilFree?: (ms: number) => Promise<void>;
  /** Heartbeat interval of the holder; the lock is released after four intervals without a heartbeat. */
  readonly heartbeatIntervalMs?: number;
};

const defaultHeartbeatIntervalMs = 2_000;
const retryIntervalMs = 1_000;

async function acquireLock(
  client: pg.Client,
  { lock, untilFree = (ms) => sleep(ms, signal) }: LockOptions,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    // Listen before the attempt, so that a release in between is not missed.
    const free = untilFree(retryIntervalMs);
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(${lock}) as taken`);
    if (rows[0]?.taken === true) return true;
    await untilAborted(signal, free);
  }
  return false;
}

/** SQL condition: a session holds this advisory lock. */
export function isLocked(lock: AdvisoryLock): string {
  return `exists (select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = ${lock})`;
}
