import { beforeEach, describe, expect, it } from 'vitest';
import { sweep } from '../../src/maintenance/sweep.ts';
import { requestInitialLoad } from '../../src/resync/initial-load.ts';
import { eventually } from '../helpers/eventually.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic } from '../helpers/simulator-org.ts';

describe('the request of an initial load', () => {
  const mirror = useMirrorOfSimulator({ accounts: 0 });
  const { database } = mirror;
  const initialLoads = () => database.rows<{ id: string }>(`select id from resyncs where reason = 'initial'`);
  /** All of them can read the table, none can insert into it until every one of them wants to. */
  const allAtOnce = async (requests: readonly (() => Promise<void>)[]): Promise<void> => {
    const client = await database.pool.connect();
    await client.query('begin; lock table resyncs in share row exclusive mode');
    const all = Promise.all(requests.map((request) => request()));
    await eventually('each waits to insert', async () => {
      const [row] = await database.rows<{ waiting: number }>(
        `select count(*)::int as waiting from pg_locks l join pg_database d on d.oid = l.database
          where not granted and d.datname = current_database()`,
      );
      return row?.waiting === requests.length;
    });
    await client.query('commit');
    client.release();
    await all;
  };

  beforeEach(() => database.rows('truncate resyncs cascade'));

  it('three processes that start at the same moment request one initial load with one job', async () => {
    const request = () => requestInitialLoad(database.pool, mirror.jobs);
    await allAtOnce([request, request, request]);
    const loads = await initialLoads();
    expect(loads).toHaveLength(1);
    expect(await mirror.jobKeys('full-resync')).toEqual([loads[0]?.id]);
  });

  it('another initial load is requested once the previous one has failed', async () => {
    await requestInitialLoad(database.pool, mirror.jobs);
    await database.rows(`update resyncs set state = 'failed'`);
    await requestInitialLoad(database.pool, mirror.jobs);
    await requestInitialLoad(database.pool, mirror.jobs);
    expect(await initialLoads()).toHaveLength(2);
  });

  it('several processes that sweep at the same moment enqueue one job per resync', async () => {
    const context = { pool: database.pool, prisma: database.prisma, topic: accountTopic, jobs: mirror.jobs };
    await database.rows('update subscriptions set loaded_at = now()');
    const [resync] = await database.rows<{ id: string }>(
      `insert into resyncs (scope, reason, account_ids) values ('all', 'overflow', '{}') returning id`,
    );
    await Promise.all(Array.from({ length: 5 }, () => sweep(context)));
    expect(await mirror.jobKeys('full-resync')).toEqual([resync?.id]);
  });
});
