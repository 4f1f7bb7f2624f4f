import { type BenchOrg, startOrg } from '../org.ts';
import { seedTables } from '../seed.ts';
import { type BenchDatabase, loaded, median, type World } from '../world.ts';
import { backlogRate } from './backlog-rate.ts';
import type { Measure } from './measure.ts';

/** What an event costs in large tables, against the same in small ones: one database, before and after it has grown. */
export const growth: Measure = {
  name: 'growth',
  async run(world, { quick, rounds }) {
    const usual = quick
      ? { accounts: 20_000, events: 50_000, rounds: 1, changes: 4_000 }
      : { accounts: 1_000_000, events: 5_000_000, rounds: 3, changes: 20_000 };
    const extent = { ...usual, rounds: rounds ?? usual.rounds };
    const org = await startOrg(5_000);
    const database = await world.createDatabase();
    try {
      const first = await world.startService(database.url, org);
      await database.until(loaded, 1);
      await first.stop();
      const small = await rates(world, database, org, extent);
      await seedTables(database.pool, extent);
      const large = await rates(world, database, org, extent);
      const [sizes] = await database.rows<{ accounts: string; events: string }>(
        `select pg_size_pretty(pg_total_relation_size('salesforce.account')) as accounts,
                pg_size_pretty(pg_total_relation_size('events') + pg_total_relation_size('event_outcomes')) as events`,
      );
      return [
        {
          what: 'cost of an event in large tables',
          value: `${Math.round(median(large))} events/s with ${extent.events.toLocaleString('en')} events (${sizes?.events}) and ${extent.accounts.toLocaleString('en')} accounts (${sizes?.accounts})`,
          against: `${Math.round(median(small))} events/s with some ten thousand`,
          figure: median(small) / median(large),
          rounds: large.map((rate, i) => (small[i] ?? Number.NaN) / rate),
          unit: '×',
          goal: { atMost: 1.2 },
        },
      ];
    } finally {
      await org.close();
      await database.drop();
    }
  },
};

async function rates(
  world: World,
  database: BenchDatabase,
  org: BenchOrg,
  { rounds, changes }: { readonly rounds: number; readonly changes: number },
): Promise<number[]> {
  const each: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const service = await world.startService(database.url, org);
    const warm = Math.floor(changes / 5);
    const backlog = { warm, events: changes, createShare: 0.1 };
    each.push((await backlogRate(database, org, 'apply', backlog)).rate);
    await service.stop();
  }
  return each;
}
