import path from 'node:path';
import { startOrg } from '../org.ts';
import { type BenchDatabase, loaded, median } from '../world.ts';
import type { Measure } from './measure.ts';

/** The first load of a mirror by a bulk job, against COPY of the same rows into a table with the same indexes. */
export const load: Measure = {
  name: 'load',
  async run(world, { quick }) {
    const accounts = quick ? 10_000 : 200_000;
    const org = await startOrg(accounts);
    const database = await world.createDatabase();
    const service = await world.startService(database.url, org);
    try {
      await database.until(loaded, 1);
      const [row] = await database.rows<{ seconds: number }>(
        `select extract(epoch from finished_at - started_at)::float8 as seconds from resyncs where reason = 'initial'`,
      );
      const seconds = row?.seconds ?? Number.NaN;
      const peak = await service.peakMemory();
      await service.stop();
      const file = path.join(world.folder, 'postgres', 'accounts.copy');
      const columns = await storedColumns(database);
      await database.rows(`copy accounts (${columns}) to '${file}'`);
      await database.rows('create table accounts_copy (like accounts including all)');
      const copies: number[] = [];
      for (let round = 0; round < 3; round++) {
        await database.rows('truncate accounts_copy');
        const begin = performance.now();
        await database.rows(`copy accounts_copy (${columns}) from '${file}'`);
        copies.push((performance.now() - begin) / 1000);
      }
      const rate = (time: number): string => Math.round(accounts / time).toLocaleString('en');
      return [
        {
          what: `load of ${accounts.toLocaleString('en')} accounts`,
          value: `${seconds.toFixed(1)} s, ${rate(seconds)} rows/s, ${peak} MiB at most`,
          against: `COPY in ${median(copies).toFixed(1)} s, ${rate(median(copies))} rows/s`,
          figure: median(copies) / seconds,
          unit: '×',
          goal: { atLeast: 0.2 },
        },
      ];
    } finally {
      await service.stop();
      await org.close();
      await database.drop();
    }
  },
};

/** What is generated is not copied. */
async function storedColumns(database: BenchDatabase): Promise<string> {
  const rows = await database.rows<{ name: string }>(
    `select quote_ident(column_name) as name from information_schema.columns
      where table_schema = current_schema() and table_name = 'accounts' and is_generated = 'NEVER'`,
  );
  return rows.map(({ name }) => name).join(', ');
}
