import { setTimeout as pause } from 'node:timers/promises';
import type { CrashWorld } from './crash-world.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { SupervisedService } from './service-supervisor.ts';

export type InstanceFault = 'killed' | 'restarted' | 'paused';

/** What was done to a process, and whether it held the lease then. */
export type Strike = {
  readonly fault: InstanceFault;
  readonly instance: string;
  readonly held: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Pauses only. */
  readonly pausedMs: number;
};

export type Instances = ReadonlyMap<string, SupervisedService>;

/** The longest pause, in milliseconds: past it the database has let go of everything that a process held. */
const longPauseMs = 40_000;
const firstPauseMs = 11_000;

/**
 * Kills, restarts and pauses processes at random until `untilMs`, and on until there were `least` strikes, more often the
 * one that holds the lease; its pause is the beginning. Up to all but one are paused at a time, and no process is struck while no other could take over. In the end
 * all of them run.
 */
export async function strikeInstances(
  world: CrashWorld,
  instances: Instances,
  random: SeededRandom,
  { untilMs, least, withLongPauses, onStrike }: StrikeOptions,
): Promise<Strike[]> {
  const strikes: Strike[] = [];
  const paused = new Map<string, Promise<unknown>>();
  const stop = (name: string, service: SupervisedService, ms: number): void => {
    service.signal('SIGSTOP');
    const going = pause(ms).then(() => {
      service.signal('SIGCONT');
      paused.delete(name);
    });
    paused.set(name, going);
  };
  const note = (strike: Strike): void => {
    strikes.push(strike);
    onStrike(strike);
  };
  const goesOn = (): boolean => Date.now() < untilMs || strikes.length < least;
  const first = await holderOf(world);
  const holding = instances.get(first ?? '');
  if (first !== undefined && holding !== undefined) {
    note({ fault: 'paused', instance: first, held: true, at: Date.now(), pausedMs: firstPauseMs });
    stop(first, holding, firstPauseMs);
  }
  while (goesOn()) {
    await pause(random.between(300, 2_500));
    const awake = await untilTwoAreReady(instances, paused, goesOn);
    const holder = await holderOf(world);
    const wanted = random.chance(0.6) ? holder : random.pick([...instances.keys()]);
    const fault = random.pick<InstanceFault>(['killed', 'restarted', 'paused', 'paused']);
    const lastMs = Math.max(untilMs, Date.now()) + firstPauseMs / 4;
    const pausedMs = Math.min(pauseOf(random, withLongPauses), lastMs - Date.now());
    const instance = awake.find((name) => name === wanted) ?? awake[0];
    const service = instances.get(instance ?? '');
    if (instance === undefined || service === undefined) continue;
    // One process that could take over has to remain.
    if (fault === 'paused' && awake.length === 1) continue;
    const strike = { fault, instance, held: instance === holder, at: Date.now(), pausedMs };
    if (fault === 'killed' && !service.kill()) continue;
    if (fault === 'restarted' && !service.restart()) continue;
    if (fault === 'paused') stop(instance, service, pausedMs);
    note(strike);
  }
  await Promise.all(paused.values());
  return strikes;
}

/** The names of those that are ready, once there are two of them, or there have not been for long. */
async function untilTwoAreReady(
  instances: Instances,
  paused: ReadonlyMap<string, unknown>,
  goesOn: () => boolean,
): Promise<string[]> {
  for (const end = Date.now() + 30_000; ; ) {
    const names = [...instances.keys()].filter((name) => !paused.has(name));
    const ready = await Promise.all(
      names.map((name) =>
        instances
          .get(name)
          ?.isReady()
          .catch(() => false),
      ),
    );
    const found = names.filter((_, place) => ready[place]);
    if (found.length > 1 || Date.now() > end || !goesOn()) return found;
    await pause(200);
  }
}

/** Mostly around the time after which a silent holder is given up. */
function pauseOf(random: SeededRandom, withLongPauses: boolean): number {
  const short = random.between(200, 5_000);
  const middle = random.between(7_000, 13_000);
  const long = random.between(20_000, longPauseMs);
  const kind = random.next();
  if (withLongPauses && kind > 0.9) return long;
  return kind > 0.4 ? middle : short;
}

/** The name of the process that holds the lease, as far as the database knows. */
export async function holderOf({ postgres }: CrashWorld): Promise<string | undefined> {
  const [row] = await postgres.rows<{ name: string }>(`select holder ->> 'name' as name from subscriptions`);
  return row?.name ?? undefined;
}

type StrikeOptions = {
  readonly untilMs: number;
  readonly least: number;
  readonly withLongPauses: boolean;
  readonly onStrike: (strike: Strike) => void;
};
