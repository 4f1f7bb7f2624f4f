import { startDelayingProxy } from '../delaying-proxy.ts';
import { startOrg } from '../org.ts';
import { appliedCount, loaded } from '../world.ts';
import type { Measure } from './measure.ts';

// The most events that Salesforce lets a subscriber ask for at once, once in a round trip.
const bound = 1_000;

/** The whole way where the Pub/Sub API is 100 ms away, there and back. */
export const roundTrip: Measure = {
  name: 'round-trip',
  async run(world, { quick }) {
    const [warm, events] = quick ? [500, 5_000] : [2_000, 30_000];
    const org = await startOrg(0);
    const database = await world.createDatabase();
    const first = await world.startService(database.url, org);
    await database.until(loaded, 1);
    await first.stop();
    await org.produce(warm + events);
    const proxy = await startDelayingProxy(org.pubsubEndpoint, 50);
    const service = await world.startService(database.url, org, { PUBSUB_ENDPOINT: proxy.endpoint });
    try {
      await database.until(appliedCount, warm + events);
      const [row] = await database.rows<{ seconds: number }>(
        `select extract(epoch from max(applied_at) - min(received_at))::float8 as seconds
           from (select received_at, applied_at from event_log order by id offset $1) measured`,
        [warm],
      );
      const rate = events / (row?.seconds ?? Number.NaN);
      return [
        {
          what: 'stream → accounts over a round trip of 100 ms',
          value: `${Math.round(rate)} events/s`,
          against: `${bound} events/s that 100 events of credit leave`,
          figure: rate / bound,
          unit: '×',
          goal: { atLeast: 0.9 },
        },
      ];
    } finally {
      await service.stop();
      proxy.close();
      await org.close();
      await database.drop();
    }
  },
};
