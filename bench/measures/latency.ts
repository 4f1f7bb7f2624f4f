import { setTimeout as pause } from 'node:timers/promises';
import { startOrg } from '../org.ts';
import { loaded, percentile, serviceUrl, withKey } from '../world.ts';
import type { Measure } from './measure.ts';

/** From a commit in the org to what can be read: of the API, and of the org's own record for a code. */
export const latency: Measure = {
  name: 'latency',
  async run(world, { quick }) {
    const org = await startOrg(1_000);
    const database = await world.createDatabase();
    const service = await world.startService(database.url, org, { REPLAY_PRESET: 'latest' });
    try {
      await database.until(loaded, 1);
      await database.until(`select count(*) from subscriptions where state = 'streaming'`, 1);
      await database.until(`select count(*) from write_back_state where state = 'running'`, 1);
      const ids = await org.accountIds();
      const changes = quick ? 600 : 6_000;
      const warm = 300;
      const visible: number[] = [];
      const under: Promise<unknown>[] = [];
      const begin = performance.now();
      for (let n = 0; n < warm + changes; n++) {
        // A hundred a second, by the clock: what is late is made up for.
        await pause(Math.max(0, begin + n * 10 - performance.now()));
        const changed = org.change(ids[n % ids.length] ?? '');
        const watched = n % watchedEvery === 0;
        under.push(watched ? changed.then(see).then((ms) => n >= warm && visible.push(ms)) : changed);
      }
      await Promise.all(under);
      const codes: number[] = [];
      for (let n = 0; n < (quick ? 12 : 60); n++) {
        const ms = await org.create();
        if (n >= 2) codes.push(ms);
      }
      const visibleText = `${changes} changes, 100 a second, every tenth watched`;
      const codeText = `${codes.length} accounts, one after another`;
      return [
        result('commit → visible over REST, p50', visible, 0.5, 25, visibleText),
        result('commit → visible over REST, p99', visible, 0.99, 100, visibleText),
        result('create → code in the record, p50', codes, 0.5, 400, codeText),
        result('create → code in the record, p99', codes, 0.99, 1_000, codeText),
      ];
    } finally {
      await service.stop();
      await org.close();
      await database.drop();
    }
  },
};

function result(what: string, all: readonly number[], share: number, goal: number, value: string) {
  return {
    what,
    value,
    against: '',
    figure: percentile(all, share),
    unit: 'ms',
    goal: { atMost: goal },
  } as const;
}

// Polling for each change every two milliseconds would cost more than the rest of the measurement.
const watchedEvery = 10;

/** Asks every two milliseconds until the change is there; the answer that shows it counts in full. */
async function see({ id, value, at }: Change): Promise<number> {
  for (;;) {
    const answer = await fetch(`${serviceUrl}/v1/accounts/${id}`, { headers: withKey });
    const { fields } = (await answer.json()) as { fields?: Record<string, unknown> };
    if (fields?.['Site'] === value) return Number(process.hrtime.bigint() - at) / 1e6;
    await pause(2);
  }
}

type Change = { readonly id: string; readonly value: string; readonly at: bigint };
