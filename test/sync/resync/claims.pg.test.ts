import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { runResync } from '../../../src/sync/resync/run-resync.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useResyncs } from './resync-world.ts';

describe('a resync that another process goes on with', () => {
  const accounts = 1_600;
  const { mirror, row } = useResyncs({ accounts });

  it('is changed no more by the one that was paused: every record counts once', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    const read = async () => Number((await row(id))['read']);
    const start = () => {
      const database = pausable(mirror.database.pool);
      const context = { ...mirror.context, pool: database.pool, bulkFrom: 1 };
      return { database, done: runResync(context, id, new AbortController().signal) };
    };
    mirror.sandbox.faults.start('bulk.slowPages', { rows: 100, delayMs: 20 });
    const first = start();
    await eventually('the first has merged a batch', async () => (await read()) >= 500);
    first.database.pause();
    await eventually('it waits', () => first.database.waiting > 0);
    const second = start();
    await eventually('the second has merged the next one', async () => (await read()) >= 1_000);
    second.database.pause();
    await eventually('the second waits', () => second.database.waiting > 0);
    first.database.goOn();
    await first.done;
    expect(await read()).toBe(1_000);
    second.database.goOn();
    await second.done;
    expect(await row(id)).toMatchObject({ state: 'done', read: accounts, created: accounts, claim: 2 });
    expect(mirror.sandbox.bulk.log('Tidemark')).toHaveLength(1);
  });
});

/** A pool as a paused process has it: what it asks for is asked for when it goes on. */
function pausable(pool: pg.Pool) {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let waiting = 0;
  const pass = async (): Promise<void> => {
    waiting++;
    await gate.promise;
    waiting--;
  };
  const late = new Proxy(pool, {
    get(target, name) {
      if (name !== 'connect' && name !== 'query') return Reflect.get(target, name);
      return async (...given: never[]) => {
        await pass();
        return Reflect.apply(target[name], target, given);
      };
    },
  });
  return {
    pool: late,
    get waiting() {
      return waiting;
    },
    pause() {
      gate = Promise.withResolvers<void>();
    },
    goOn: () => gate.resolve(),
  };
}
