import { eventually } from '../helpers/eventually.ts';
import type { Operated } from './operated-service.ts';
import type { SituationWorld } from './situation-world.ts';

/** Services by world: the situations of a group share one. */
export const services = new WeakMap<SituationWorld, Operated>();

/** The loaded service of a world, with nothing wrong; started for the first of its situations. */
export async function healthyService(world: SituationWorld): Promise<Operated> {
  const service = services.get(world) ?? (await startLoaded(world));
  services.set(world, service);
  await service.until('healthy');
  service.newOutput();
  return service;
}

/** A first event gives the stream its first position, and what happened before it is read once more. */
async function startLoaded(world: SituationWorld): Promise<Operated> {
  const service = await world.start();
  await service.until('healthy');
  await world.salesforce().create({ Name: 'Created first' });
  await eventually('the stream has a position and every resync is done', async () => {
    const { subscription, resyncs } = await service.status();
    return subscription.position !== null && resyncs.length === 0 && service.hasPrinted('first position');
  });
  return service;
}
