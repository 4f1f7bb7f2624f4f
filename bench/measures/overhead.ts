import { setTimeout as pause } from 'node:timers/promises';
import { median, serviceUrl, withKey } from '../world.ts';
import { following, withOrg } from './ingest.ts';
import type { Measure } from './measure.ts';

/** The whole way while the console is open and metrics are scraped, against the same without either, by turns. */
export const overhead: Measure = {
  name: 'overhead',
  async run(world, { quick, rounds: wanted }) {
    // A console is open for hours: its first requests, which open connections and compile, are among the first events.
    const sizes = quick ? { warm: 2_000, events: 4_000 } : { warm: 15_000, events: 30_000 };
    const observed: number[] = [];
    const plain: number[] = [];
    let answers = 0;
    const one = (meanwhile?: (signal: AbortSignal) => Promise<void>) =>
      withOrg(async (org) => (await following(world, org, sizes, 'apply', meanwhile)).rate);
    const watching = (signal: AbortSignal) => observe(signal, () => answers++);
    for (let round = 0; round < (wanted ?? (quick ? 1 : 5)); round++) {
      // The first of a pair alternates, as a machine gets slower or faster.
      const watchFirst = round % 2 === 1;
      if (watchFirst) observed.push(await one(watching));
      plain.push(await one());
      if (!watchFirst) observed.push(await one(watching));
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
        note: `${answers} requests were answered meanwhile`,
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
      // The service is starting, or the measurement has ended.
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
