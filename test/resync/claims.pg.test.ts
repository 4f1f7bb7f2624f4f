import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { PrismaClient } from '../../src/db/generated/client.ts';
import { runResync } from '../../src/resync/run-resync.ts';
import { eventually } from '../helpers/eventually.ts';
import { useResyncs } from './resync-world.ts';

describe('a resync taken over by another process', () => {
  const accounts = 2_600;
  const { mirror, row } = useResyncs({ accounts });

  it('a paused process can not change a resync that was taken over: every record counts once', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'test' });
    const read = async () => Number((await row(id))['read']);
    /** A process that is paused when it has merged one batch and is about to merge the next. */
    const start = (transactions: number) => {
      const database = pausedAtTransaction(transactions + 1, mirror.database.pool);
      const { pool, prisma } = database;
      const context = { ...mirror.context, pool, prisma, bulkFrom: 1 };
      return { database, done: runResync(context, id, new AbortController().signal) };
    };
    // The first one has also saved the fields that Salesforce describes, and their labels.
    const first = start(3);
    await eventually('the first has merged a batch and is paused', () => first.database.waits());
    const second = start(1);
    await eventually('the second has merged the next one and is paused', () => second.database.waits());
    expect(await read()).toBe(2_000);
    first.database.goOn();
    await first.done;
    expect(await read()).toBe(2_000);
    second.database.goOn();
    await second.done;
    expect(await row(id)).toMatchObject({ state: 'done', read: accounts, created: accounts, claim: 2 });
    expect(mirror.simulator.bulk.log('Tidemark')).toHaveLength(1);
  });
});

/** A pool as a paused process has it: from its n-th transaction on, what it asks for is asked for when it goes on. */
function pausedAtTransaction(place: number, pool: pg.Pool) {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const late = new Proxy(pool, {
    get(target, name) {
      if (name !== 'connect' && name !== 'query') return Reflect.get(target, name);
      return async (...given: never[]) => {
        if (name === 'connect') begun++;
        if (begun >= place) await gate.promise;
        return Reflect.apply(target[name], target, given);
      };
    },
  });
  const prisma = new PrismaClient({ adapter: new PrismaPg(late) });
  return { pool: late, prisma, waits: () => begun >= place, goOn: () => gate.resolve() };
}
