import { beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { useDatabase } from '../helpers/use-database.ts';

describe('conflicting transactions', () => {
  const database = useDatabase();
  beforeAll(() =>
    database.rows('create table counters as select id, 0 as value from generate_series(1, 2) as id'),
  );

  const counters = async () =>
    (await database.rows<{ value: number }>('select value from counters order by id')).map(
      ({ value }) => value,
    );
  const add = 'update counters set value = value + 1 where id = $1';

  it('two transactions that deadlock are each carried out exactly once', async () => {
    let holders = 0;
    const both = (first: number, second: number) => {
      let tries = 0;
      return inTransaction(database.pool, async (client) => {
        await client.query(add, [first]);
        // At the first try each waits until the other has its first row.
        if (tries++ === 0) {
          holders++;
          await eventually('both have a row', () => holders === 2);
        }
        await client.query(add, [second]);
        return tries;
      });
    };
    const tries = await Promise.all([both(1, 2), both(2, 1)]);
    expect(tries.toSorted()).toEqual([1, 2]);
    expect(await counters()).toEqual([2, 2]);
  });

  it('two transactions that read what the other changes are both carried out', async () => {
    let tries = 0;
    await inTransaction(database.pool, async (client) => {
      await client.query('set transaction isolation level repeatable read');
      await client.query('select from counters');
      if (tries++ === 0) await database.pool.query(add, [1]);
      await client.query(add, [1]);
    });
    expect(tries).toBe(2);
    expect(await counters()).toEqual([4, 2]);
  });

  it('a transaction that conflicts at every attempt ends in the error and has no other effect', async () => {
    let tries = 0;
    const hopeless = inTransaction(database.pool, async (client) => {
      tries++;
      await client.query(add, [1]);
      await client.query(`do $$ begin raise sqlstate '40001'; end $$`);
    });
    await expect(hopeless).rejects.toMatchObject({ code: '40001' });
    expect(tries).toBe(5);
    expect(await counters()).toEqual([4, 2]);
  });
});
