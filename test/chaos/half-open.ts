import type { CrashWorld } from './crash-world.ts';
import type { RandomChanges } from './random-changes.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

/** Connections that can become half-open: the peer is gone and neither FIN nor RST arrives. */
export type Connection = keyof CrashWorld['proxies'];

// Every wait of the service has an end; the longest one in the way of an event is two minutes.
const noticeLimitMs = 180_000;

/**
 * Silences the open connections of one kind permanently while new ones work, and changes accounts: the service has to
 * detect that and continue over new connections.
 * @returns how long it took until everything was quiet, in milliseconds
 * @throws where it never noticed
 */
export async function goSilent(
  world: CrashWorld,
  changes: RandomChanges,
  connection: Connection,
): Promise<number> {
  // What is open and idle is in use again: the silence meets requests that are under way and ones that come.
  for (let n = 0; n < 5; n++) changes.create(2);
  world.proxies[connection].abandon();
  for (let n = 0; n < 20; n++) changes.change();
  // What has to be read again is done by jobs, over connections of their own.
  for (let n = 0; n < 3; n++) changes.hide();
  return waitUntilQuiet(world, noticeLimitMs);
}
