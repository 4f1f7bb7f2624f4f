import { startDelayingProxy } from '../delaying-proxy.ts';
import { startOrg } from '../org.ts';
import { loaded } from '../world.ts';
import { backlogRate } from './backlog-rate.ts';
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
    const proxy = await startDelayingProxy(org.pubsubEndpoint, 50);
    const service = await world.startService(database.url, org, { PUBSUB_ENDPOINT: proxy.endpoint });
    try {
      await database.until(loaded, 1);
      const { rate } = await backlogRate(database, org, 'apply', { warm, events });
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
