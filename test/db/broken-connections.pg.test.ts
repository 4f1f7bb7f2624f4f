import { afterAll, describe, expect, it } from 'vitest';
import { inTransaction, openDatabase } from '../../src/db/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { useDatabase } from '../helpers/use-database.ts';

describe('broken database connections', () => {
  const database = useDatabase();
  const opened: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of opened.reverse()) await close();
  });

  const openThroughProxy = async () => {
    const url = new URL(database.url);
    const proxy = await startFaultProxy(() => ({
      host: url.hostname,
      port: Number(new URL(database.url).port),
    }));
    url.port = String(proxy.port);
    const errors: Error[] = [];
    const { pool, close } = openDatabase({ url: url.href, max: 1, onError: (error) => errors.push(error) });
    opened.push(proxy.close, close);
    return { proxy, pool, errors };
  };

  it('a connection lost between two statements fails the transaction and not the process', async () => {
    const { proxy, pool, errors } = await openThroughProxy();
    const broken = inTransaction(pool, async (client) => {
      await client.query('select 1');
      proxy.reset();
      await eventually('the break is noticed', () => errors.length > 0);
      await client.query('select 2');
    });
    await expect(broken).rejects.toThrow();
    expect((await pool.query('select 3 as three')).rows).toEqual([{ three: 3 }]);
  });

  it('after a connection is lost before the response to COMMIT, the outcome is checked and the pool stays usable', async () => {
    const { proxy, pool } = await openThroughProxy();
    await database.pool.query('create table outcomes (id int)');
    const lost = proxy.dropAnswerTo(Buffer.from('commit\0'));
    const unknown = inTransaction(pool, (client) => client.query('insert into outcomes values (1)'));
    await expect(unknown).rejects.toThrow();
    await lost;
    expect((await pool.query('select count(*) from outcomes')).rows).toEqual([{ count: 1n }]);
  });

  it('a connection that falls silent ends at the statement timeout and is not waited for again', async () => {
    const { proxy, pool } = await openThroughProxy();
    const silent = inTransaction(pool, async (client) => {
      await client.query('select 1');
      proxy.abandon();
      await Promise.reject(new Error('the work failed'));
    });
    await expect(silent).rejects.toThrow('the work failed');
    expect((await pool.query('select 4 as four')).rows).toEqual([{ four: 4 }]);
  });
});
