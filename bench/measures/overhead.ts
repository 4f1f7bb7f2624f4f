import { setTimeout as pause } from 'node:timers/promises';
import { loaded, median, serviceUrl, withKey } from '../world.ts';
import { backlogRate } from './backlog-rate.ts';
import { withOrg } from './ingest.ts';
import type { Measure } from './measure.ts';

/**
 * The whole way while the console is open and metrics are scraped, against the same without either, by turns: pairs of
 * backlogs of one service, since two services differ more than this.
 */
export const overhead: Measure = {
  name: 'overhead',
  async run(world, { quick, rounds: wanted }) {
    const sizes = quick
      ? { warm: 2_000, events: 4_000, pairs: 1 }
      : { warm: 15_000, events: 30_000, pairs: 5 };
    const observed: number[] = [];
    const plain: number[] = [];
    let answers = 0;
    for (let round = 0; round < (wanted ?? (quick ? 1 : 2)); round++) {
      await withOrg(async (org) => {
        const database = await world.createDatabase();
        const service = await world.startService(database.url, org);
        await database.until(loaded, 1);
        const rate = async (events: number) =>
          (await backlogRate(database, org, 'apply', { warm: 0, events })).rate;
        const observedRate = async (events: number): Promise<number> => {
          const ending = new AbortController();
          const observers = observe(ending.signal, () => answers++);
          const measured = await rate(events);
          ending.abort();
          await observers;
          return measured;
        };
        // A console is open for hours: its first requests, which open connections and compile, are not measured.
        await observedRate(sizes.warm);
        for (let pair = 0; pair < sizes.pairs; pair++) {
          // The first of a pair alternates, as tables grow, and a machine gets slower or faster.
          const observedFirst = (round + pair) % 2 === 1;
          if (observedFirst) observed.push(await observedRate(sizes.events));
          plain.push(await rate(sizes.events));
          if (!observedFirst) observed.push(await observedRate(sizes.events));
        }
        await service.stop();
        await database.drop();
      });
    }
    const each = observed.map((rate, i) => rate / (plain[i] ?? Number.NaN));
    const rates = (all: readonly number[]) =>
      all.map((rate) => Math.round(rate).toLocaleString('en')).join(', ');
    return [
      {
        what: 'pipeline with the console open and metrics scraped every second',
        value: `${rates(observed)} events/s`,
        against: `${rates(plain)} events/s without`,
        figure: median(each),
        rounds: each,
        unit: '×',
        goal: { atLeast: 0.95 },
        note: `${answers} requests were answered, with those of the warm-up`,
      },
    ];
  },
};

/**
 * Requests what the overview of the console requests while events arrive, as often as `announceChange` in
 * `console/src/query.ts` lets it, and the metrics, every second.
 */
async function observe(signal: AbortSignal, onAnswer: () => void): Promise<void> {
  const get = async (path: string): Promise<void> => {
    try {
      const response = await fetch(`${serviceUrl}${path}`, { headers: withKey, signal });
      if (response.ok) onAnswer();
      for await (const _ of response.body ?? []);
    } catch {
      // The measurement has ended.
    }
  };
  let answerMs = 0;
  const timed = async (path: string): Promise<void> => {
    const begin = performance.now();
    await get(path);
    answerMs += (performance.now() - begin - answerMs) / 4;
  };
  const again = async (work: () => Promise<unknown>, pauseMs = () => 1_000): Promise<void> => {
    while (!signal.aborted) {
      await work();
      await pause(pauseMs());
    }
  };
  await Promise.all([
    again(() => get('/v1/events/notices')),
    again(() => get('/metrics')),
    again(
      () => Promise.all(['/v1/status', '/v1/time-series'].map(timed)),
      () => Math.min(5_000, Math.max(1_000, 20 * answerMs)),
    ),
  ]);
}
