import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionTo } from './servers.ts';

/**
 * Does `work` while this process alone holds an advisory lock. The lock belongs to a connection: where that breaks,
 * the work is told to end, and where the process is killed, another takes over within a second.
 *
 * @param signal ends the wait for the lock, and the work
 * @throws what the work throws, or why the connection could not be opened
 */
export async function holdLock(
  options: { readonly url: string; readonly lock: bigint; readonly applicationName: string },
  signal: AbortSignal,
  work: (held: AbortSignal) => Promise<void>,
): Promise<void> {
  const lost = new AbortController();
  const client = new pg.Client({
    ...connectionTo(options.url),
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  client.on('error', () => lost.abort());
  const held = AbortSignal.any([signal, lost.signal]);
  try {
    await client.connect();
    // A holder that vanished without a word is let go by the database after this time.
    await client.query(`set idle_session_timeout = ${6 * askEveryMs}`);
    if (!(await take(client, options.lock, held))) return;
    const asking = keepAsking(client, held, () => lost.abort());
    await work(held).finally(() => lost.abort());
    await asking;
  } finally {
    // Ending the session gives up the lock.
    await client.end().catch(() => {});
  }
}

const askEveryMs = 5_000;

async function take(client: pg.Client, lock: bigint, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      lock,
    ]);
    if (rows[0]?.taken === true) return true;
    await pause(1_000, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** Whoever gets no answer holds nothing any more, as far as it knows. */
async function keepAsking(client: pg.Client, signal: AbortSignal, onLost: () => void): Promise<void> {
  while (!signal.aborted) {
    await pause(askEveryMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await client.query('select 1').catch(onLost);
  }
}

/** Whether anybody holds an advisory lock of this database, as a condition in SQL. */
export function isLocked(lock: bigint): string {
  return `exists (select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = ${lock})`;
}
