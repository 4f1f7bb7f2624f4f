import { type BenchOrg, startOrg } from '../org.ts';
import { seedTables } from '../seed.ts';
import { appliedCount, type BenchDatabase, loaded, median, type World } from '../world.ts';
import type { Measure, Result } from './measure.ts';

/** What an account takes in all tables, and what a reader of one column pays for the mirror being a mirror. */
export const tables: Measure = {
  name: 'tables',
  async run(world, { quick, rounds }) {
    const extent = quick ? { accounts: 2_000, scanned: 20_000 } : { accounts: 20_000, scanned: 300_000 };
    const org = await startOrg(extent.accounts);
    const database = await world.createDatabase();
    try {
      const bytes = await bytesPerAccount(world, database, org, extent.accounts);
      const scan = await scanOfAColumn(database, extent.scanned, rounds ?? 5);
      return [bytes, scan];
    } finally {
      await org.close();
      await database.drop();
    }
  },
};

async function bytesPerAccount(
  world: World,
  database: BenchDatabase,
  org: BenchOrg,
  accounts: number,
): Promise<Result> {
  const service = await world.startService(database.url, org);
  await database.until(loaded, 1);
  await org.produce(3 * accounts, 0);
  await database.until(appliedCount, 3 * accounts);
  await service.stop();
  const hot = await database.rows<{ name: string; share: number }>(
    `select relname as name, n_tup_hot_upd::float8 / nullif(n_tup_upd, 0) as share from pg_stat_user_tables
      where relid in ('salesforce.account'::regclass, 'records'::regclass) order by 1`,
  );
  await database.pool.query(`vacuum analyze ${ofAccounts.join(', ')}`);
  const sizes = await database.rows<{ name: string; bytes: string }>(
    'select name, pg_total_relation_size(name::regclass) as bytes from unnest($1::text[]) as t (name)',
    [ofAccounts],
  );
  const each = sizes.map(({ name, bytes }) => ({ name, bytes: Math.round(Number(bytes) / accounts) }));
  return {
    what: 'bytes per account, with indexes, after three updates',
    value: each.map(({ name, bytes }) => `${name} ${bytes}`).join(', '),
    against: '',
    figure: each.reduce((sum, { bytes }) => sum + bytes, 0),
    unit: 'bytes',
    goal: { atMost: bytesOfTheJsonColumn / 2 },
    note: `heap-only updates: ${hot.map(({ name, share }) => `${name} ${share.toFixed(2)}`).join(', ')}`,
  };
}

async function scanOfAColumn(database: BenchDatabase, accounts: number, rounds: number): Promise<Result> {
  await seedTables(database.pool, { accounts, events: 0 });
  await database.pool.query('create table plain as select * from salesforce.account');
  await database.pool.query('vacuum analyze plain');
  const read = async (table: string): Promise<number> => {
    const begin = performance.now();
    await database.rows(`select sum(annualrevenue), count(*) from ${table}`);
    return performance.now() - begin;
  };
  const times = { mirror: [] as number[], plain: [] as number[] };
  // The first reads fill the cache.
  for (const table of ['salesforce.account', 'plain']) await read(table);
  for (let round = 0; round < rounds; round++) {
    times.mirror.push(await read('salesforce.account'));
    times.plain.push(await read('plain'));
  }
  return {
    what: `scan of one typed column, ${accounts.toLocaleString('en')} accounts`,
    value: `${median(times.mirror).toFixed(0)} ms`,
    against: `the same rows in a plain table: ${median(times.plain).toFixed(0)} ms`,
    figure: median(times.mirror) / median(times.plain),
    rounds: times.mirror.map((time, i) => time / (times.plain[i] ?? Number.NaN)),
    unit: '×',
    goal: { atMost: 1.2 },
  };
}

const ofAccounts = [
  'salesforce.account',
  'records',
  'signup_codes',
  'account_texts',
  'account_states',
  'account_changes',
];

/**
 * Measured likewise at commit 371b75f, the last one with all values in a JSON column: accounts 7,175, account_texts 1,083,
 * account_states 904, account_changes 1,157.
 */
const bytesOfTheJsonColumn = 10_319;
