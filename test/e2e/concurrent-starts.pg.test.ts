import pg from 'pg';
import { startSimulator } from 'salesforce-simulator';
import { expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { startTidemark } from '../helpers/tidemark.ts';

it('three processes that start at once on a new database read everything once', async () => {
  const database = await createTestDatabase();
  const simulator = await startSimulator({ accounts: 5 });
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on('connect', (client) => client.on('error', () => {}));
  const started = await Promise.allSettled(
    ['first', 'second', 'third'].map((instanceName) =>
      startTidemark(database.url, simulator, { instanceName, waitUntilReady: false }),
    ),
  );
  const running = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    expect(running).toHaveLength(3);
    await eventually('everything is loaded', async () => {
      const { rowCount } = await pool.query('select from subscriptions where loaded_at is not null');
      return rowCount === 1;
    });
    const { rows } = await pool.query(
      `select r.state, r.read, (select count(*)::int from pgboss.job j
                                 where j.data ->> 'resyncId' = r.id::text) as jobs
         from resyncs r where reason = 'initial'`,
    );
    expect(rows).toEqual([{ state: 'done', read: 5, jobs: 1 }]);
  } finally {
    await Promise.all(running.map((tidemark) => tidemark.stop()));
    await simulator.close();
    await pool.end();
    await database.drop();
  }
});
