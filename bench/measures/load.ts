import path from 'node:path';
import { startOrg } from '../org.ts';
import { timeCopy } from '../time-copy.ts';
import { loaded } from '../world.ts';
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
      const copied = await timeCopy(database.rows, path.join(world.folder, 'postgres'));
      const rate = (time: number): string => Math.round(accounts / time).toLocaleString('en');
      return [
        {
          what: `load of ${accounts.toLocaleString('en')} accounts`,
          value: `${seconds.toFixed(1)} s, ${rate(seconds)} rows/s, ${peak} MiB at most`,
          against: `COPY in ${copied.toFixed(1)} s, ${rate(copied)} rows/s`,
          figure: copied / seconds,
          unit: '×',
          goal: { atLeast: 0.6 },
        },
      ];
    } finally {
      await service.stop();
      await org.close();
      await database.drop();
    }
  },
};
