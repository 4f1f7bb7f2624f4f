import { afterEach, describe, expect, it } from 'vitest';
import { advisoryLock } from '../../src/db/advisory-locks.ts';
import { holdLock, isLocked } from '../../src/db/hold-lock.ts';
import { eventually } from '../helpers/eventually.ts';
import { useDatabase } from '../helpers/use-database.ts';

const lock = advisoryLock(7_245_113_999n);

describe('locks that one process holds', () => {
  const database = useDatabase();
  const stops: AbortController[] = [];
  const running: Promise<void>[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop.abort();
    await Promise.all(running.splice(0));
  });

  /** A process that wants the lock, and works until it is stopped or loses it. */
  const start = (name: string) => {
    const stop = new AbortController();
    const worker = { name, working: false, stop: () => stop.abort() };
    stops.push(stop);
    const options = { url: database.url, lock, applicationName: name };
    running.push(
      holdLock(options, stop.signal, async (held) => {
        worker.working = true;
        await new Promise<void>((resolve) => held.addEventListener('abort', () => resolve(), { once: true }));
        worker.working = false;
      }),
    );
    return worker;
  };
  const isHeld = async () =>
    (await database.rows<{ held: boolean }>(`select ${isLocked(lock)} as held`))[0]?.held;

  it('a lock is taken over when its holder stops and is visible from outside', async () => {
    expect(await isHeld()).toBe(false);
    const first = start('first');
    await eventually('the first works', () => first.working);
    expect(await isHeld()).toBe(true);
    const second = start('second');
    await eventually('the second waits', async () => (await sessions('second')) === 1);
    expect(second.working).toBe(false);
    first.stop();
    await eventually('the second works', () => second.working);
  });

  it('a lost connection loses the lock: the work is aborted and another process takes over', async () => {
    const first = start('first');
    await eventually('the first works', () => first.working);
    const second = start('second');
    await database.rows(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'first'`,
    );
    await eventually('the first has ended', () => !first.working);
    await eventually('the second works', () => second.working);
  });

  it('a process that was paused too long to be sure of its lock does not rely on it', async () => {
    const stop = new AbortController();
    const options = { url: database.url, lock, applicationName: 'slow', heartbeatIntervalMs: 50 };
    await holdLock(options, stop.signal, async (_, isLockConfirmed) => {
      expect(isLockConfirmed()).toBe(true);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
      expect(isLockConfirmed()).toBe(false);
      stop.abort();
    });
  });

  const sessions = async (name: string): Promise<number> =>
    (await database.rows('select from pg_stat_activity where application_name = $1', [name])).length;

  it('an unreachable database ends the attempt to take the lock without waiting', async () => {
    const nowhere = { url: 'postgres://nobody@127.0.0.1:1/none', lock, applicationName: 'nowhere' };
    await expect(holdLock(nowhere, new AbortController().signal, async () => {})).rejects.toThrow();
  });
});
