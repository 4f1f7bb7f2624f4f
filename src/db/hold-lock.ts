import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { runLoop } from '../run-loop.ts';
import type { AdvisoryLock } from './advisory-locks.ts';
import { connectionTo } from './servers.ts';

/**
 * Does `work` while this process alone holds an advisory lock. The lock belongs to a connection: where that breaks,
 * the work is told to end, and where the process is killed, another takes over within a second. Where the process is
 * paused, or can't be heard for another reason, the database ends the connection by its own clock.
 *
 * @param signal ends the wait for the lock, and the work
 * @param work is told whether the lock is held for sure: it isn't where nothing was heard of the database for so long
 *   that another may have it
 * @throws what the work throws, or why the connection could not be opened
 */
export async function holdLock(
  options: LockOptions,
  signal: AbortSignal,
  work: (held: AbortSignal, isLockConfirmed: () => boolean) => Promise<void>,
): Promise<void> {
  const { askEveryMs = defaultPollIntervalMs } = options;
  const unheardMs = 4 * askEveryMs;
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
    // A holder that vanished without a word is let go by the database after this time.
    await client.query(`set idle_session_timeout = ${unheardMs}`);
    if (!(await take(client, options, held))) return;
    let heardAt = Date.now();
    const isLockConfirmed = (): boolean => !held.aborted && Date.now() - heardAt < unheardMs;
    const asking = runLoop({
      step: async () => {
        const askedAt = Date.now();
        await client.query('select 1');
        heardAt = askedAt;
        return 'wait';
      },
      waitsFirst: true,
      pollMs: askEveryMs,
      // No reply: assume the lock is lost.
      onFailure: onLost,
      signal: held,
    });
    await work(held, isLockConfirmed).finally(() => lost.abort());
    await asking;
    // A session takes a moment to end; whoever is told of the end at once has to find the lock free.
    if (!broken) await client.query('select pg_advisory_unlock_all()').catch(() => {});
  } finally {
    // Ending the session gives up the lock.
    await client.end().catch(() => {});
  }
}

export type LockOptions = {
  readonly url: string;
  readonly lock: AdvisoryLock;
  readonly applicationName: string;
  /** Resolves when the lock may be free, at the latest after so many milliseconds. */
  readonly untilFree?: (ms: number) => Promise<void>;
  /** How often the holder gives a sign of life; after four times as long without one the lock is free. */
  readonly askEveryMs?: number;
};

const defaultPollIntervalMs = 2_000;
const tryEveryMs = 1_000;

async function take(
  client: pg.Client,
  { lock, untilFree = (ms) => pause(ms) }: LockOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  while (!signal.aborted) {
    // Listen before asking: a lock that is given up in between is not missed.
    const free = untilFree(tryEveryMs);
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock(${lock}) as taken`);
    if (rows[0]?.taken === true) return true;
    await Promise.race([free, aborted]);
  }
  return false;
}

/** Whether anybody holds an advisory lock of this database, as a condition in SQL. */
export function isLocked(lock: AdvisoryLock): string {
  return `exists (select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = ${lock})`;
}
