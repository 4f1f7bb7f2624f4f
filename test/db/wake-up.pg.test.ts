import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { listenForWakeUps, sendWakeUp, type WakeUps } from '../../src/db/wake-up.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { useDatabase } from '../helpers/use-database.ts';

// Longer than any test may take: a wait that runs into it fails the test.
const forever = 600_000;

describe('wake-up notifications', () => {
  const database = useDatabase();

  const listeners = () =>
    database.rows<{ pid: number }>(
      `select pid from pg_stat_activity
        where datname = current_database() and application_name = 'tidemark wake-ups' and query like 'listen%'`,
    );
  const listening = () => eventually('a session listens', async () => (await listeners())[0]);
  /** A new connection ends all waits once: only after that does a wait end by a wake-up. */
  const opened = (wakeUps: WakeUps) => wakeUps.next('apply', forever);

  async function withWakeUps(test: (wakeUps: WakeUps, errors: Error[]) => Promise<void>): Promise<void> {
    const errors: Error[] = [];
    const wakeUps = listenForWakeUps(database.url, (error) => errors.push(error));
    try {
      await opened(wakeUps);
      await test(wakeUps, errors);
    } finally {
      await wakeUps.close();
    }
  }

  it('a wake-up wakes everyone who waits', () =>
    withWakeUps(async (wakeUps) => {
      const waiting = Promise.all([wakeUps.next('apply', forever), wakeUps.next('apply', forever)]);
      await sendWakeUp(database.pool, 'apply');
      await waiting;
    }));

  it('a wake-up takes effect when its transaction commits and not before', () =>
    withWakeUps(async (wakeUps) => {
      let awake = false;
      const waiting = wakeUps.next('apply', forever).then(() => {
        awake = true;
      });
      await inTransaction(database.pool, async (client) => {
        await sendWakeUp(client, 'apply');
        await database.rows('select 1');
        expect(awake).toBe(false);
      });
      await waiting;
    }));

  it('a wait without a wake-up ends at its limit', () => withWakeUps((wakeUps) => wakeUps.next('apply', 1)));

  it('wake-ups continue after their connection is cut', () =>
    withWakeUps(async (wakeUps, errors) => {
      const { pid } = await listening();
      const waiting = wakeUps.next('apply', forever);
      await database.rows('select pg_terminate_backend($1)', [pid]);
      // Wake-ups may have been lost meanwhile, so the new connection resolves all waits.
      await waiting;
      expect(errors).toHaveLength(1);
      const fresh = await eventually('it listens again', async () =>
        (await listeners()).find((listener) => listener.pid !== pid),
      );
      expect(fresh.pid).not.toBe(pid);
      const again = wakeUps.next('apply', forever);
      await sendWakeUp(database.pool, 'apply');
      await again;
    }));

  it('a channel that is added while the connection begins to listen is received', async () => {
    // The moment is short: not every connection has a channel in it.
    for (let round = 0; round < 3; round++) await addChannelsWhileItOpens();
  });

  async function addChannelsWhileItOpens(): Promise<void> {
    const wakeUps = listenForWakeUps(database.url, () => {}, forever);
    try {
      const received = new Set<string>();
      let isOpen = false;
      const opening = opened(wakeUps).then(() => {
        isOpen = true;
      });
      let count = 0;
      for (; !isOpen; count++) {
        await wakeUps.listen(
          `channel_${count}`,
          (payload) => received.add(payload),
          () => {},
        );
        // One in a millisecond: as many as the process can add would make the LISTEN itself last for seconds.
        await setTimeout(1);
      }
      await opening;
      await database.rows(`select pg_notify('channel_' || n, n::text) from generate_series(0, $1) n`, [
        count - 1,
      ]);
      await eventually('all channels are received', () => received.size === count);
    } finally {
      await wakeUps.close();
    }
  }

  it('another channel is received on the same connection, also after that connection is cut', () =>
    withWakeUps(async (wakeUps) => {
      const received: string[] = [];
      let listens = 0;
      await wakeUps.listen(
        'another_channel',
        (payload) => received.push(payload),
        () => listens++,
      );
      const notify = (payload: string) =>
        database.rows('select pg_notify($1, $2)', ['another_channel', payload]);
      await eventually('it listens', () => listens === 1);
      await notify('first');
      await eventually('the first notification', () => received.includes('first'));
      const sessions = await listeners();
      expect(sessions).toHaveLength(1);
      await database.rows('select pg_terminate_backend($1)', [sessions[0]?.pid]);
      await eventually('it listens again', () => listens === 2);
      await notify('second');
      await eventually('the second notification', () => received.includes('second'));
      expect(received).toEqual(['first', 'second']);
    }));

  it('wake-ups continue after their connection falls silent', async () => {
    const url = new URL(database.url);
    const port = Number(url.port);
    const proxy = await startFaultProxy(() => ({ host: url.hostname, port }));
    url.port = String(proxy.port);
    const errors: Error[] = [];
    const wakeUps = listenForWakeUps(url.href, (error) => errors.push(error), 100);
    try {
      await opened(wakeUps);
      proxy.abandon();
      await wakeUps.next('apply', forever);
      expect(errors).toHaveLength(1);
      const again = wakeUps.next('apply', forever);
      await sendWakeUp(database.pool, 'apply');
      await again;
    } finally {
      await wakeUps.close();
      await proxy.close();
    }
  });

  it('closing ends all waits and leaves no connection', async () => {
    const wakeUps = listenForWakeUps(database.url, () => {});
    await opened(wakeUps);
    const waiting = wakeUps.next('apply', forever);
    await wakeUps.close();
    await waiting;
    await eventually('no session listens', async () => (await listeners()).length === 0);
  });

  it('wake-ups can be closed while the database is unreachable', async () => {
    const errors: Error[] = [];
    const wakeUps = listenForWakeUps('postgres://nobody:no@127.0.0.1:1/none', (error) => errors.push(error));
    await eventually('the connection fails', () => errors.length > 0);
    await wakeUps.close();
  });
});
