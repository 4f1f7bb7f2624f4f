import { startOrg } from '../org.ts';
import { appliedCount, loaded } from '../world.ts';
import type { Measure } from './measure.ts';

/** The memory of a service that comes back to a long backlog. */
export const memory: Measure = {
  name: 'memory',
  async run(world, { quick }) {
    const events = quick ? 10_000 : 1_000_000;
    const org = await startOrg(0);
    const database = await world.createDatabase();
    const first = await world.startService(database.url, org);
    await database.until(loaded, 1);
    await first.stop();
    // Few accounts and many changes: the org keeps all of it in memory.
    await org.produce(events, 0.02);
    const service = await world.startService(database.url, org);
    try {
      const peaks: number[] = [];
      for (let part = 1; part <= 4; part++) {
        await database.until(appliedCount, (events / 4) * part);
        peaks.push((await service.peakMemory()) * 1.048576);
      }
      return [
        {
          what: `memory while catching up on ${events.toLocaleString('en')} events`,
          value: `peak after each quarter: ${peaks.map((peak) => peak.toFixed(0)).join(', ')} MB`,
          against: '',
          figure: peaks.at(-1) ?? Number.NaN,
          unit: 'MB',
          goal: { atMost: 320 },
        },
      ];
    } finally {
      await service.stop();
      await org.close();
      await database.drop();
    }
  },
};
