import { healthyService, services } from './healthy-service.ts';
import type { Situation, SituationGroup } from './situation-list.ts';
import type { SituationWorld } from './situation-world.ts';

const streamRefused: Situation = {
  title: '1. The stream is refused for longer than the grace period',
  shows: {
    reason: 'stream-down',
    sentence: 'The stream of /data/AccountChangeEvent is down.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    const service = await healthyService(world);
    const { stream } = world.simulator.faults;
    transcript.did('The Pub/Sub API ends the stream and refuses each new one with UNAVAILABLE. At first:');
    const unavailable = { errorCode: 'service.unavailable', status: 'UNAVAILABLE' } as const;
    stream.refuse.on({ calls: ['Subscribe'], ...unavailable });
    stream.end.now(unavailable);
    await service.until('degraded', 'stream-down');
    await transcript.show(service);
    transcript.did('After the grace period of 60 seconds:');
    await service.until('down', 'stream-down');
    await transcript.show(service);
    outages.set(world, () => void stream.refuse.off());
  },
};

const outages = new WeakMap<SituationWorld, () => void>();

const statusDuringOutage: Situation = {
  title: '3. `tidemark status` during that outage',
  shows: {
    reason: 'stream-down',
    sentence: 'The stream of /data/AccountChangeEvent is down.',
    alert: 'TidemarkDown',
  },
  async play(world, transcript) {
    const service = services.get(world);
    if (service === undefined) throw new Error('the service of situation 1 is missing');
    transcript.did(
      'The outage of situation 1 continues. `tidemark status` exits with 2, so scripts can test for it. With `--json`:',
    );
    await transcript.command(service, 'status', '--json');
    transcript.did('The Pub/Sub API accepts streams again. Tidemark continues without an action.');
    outages.get(world)?.();
    await service.until('healthy');
    await transcript.show(service);
  },
};

export const outageGroups: readonly SituationGroup[] = [
  { name: 'outage', situations: [streamRefused, statusDuringOutage] },
];
