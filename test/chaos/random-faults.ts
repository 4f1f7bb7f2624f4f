import { setTimeout as pause } from 'node:timers/promises';
import type { FaultProxy } from '../helpers/fault-proxy.ts';
import type { CrashWorld } from './crash-world.ts';
import { signal } from './postgres-server.ts';
import type { SeededRandom } from './seeded-random.ts';

/** How often each fault struck, by its name. */
export type FaultCounts = ReadonlyMap<string, number>;

/** How long faults are injected: until a time, and further until this many kills were made, for twice as long at most. */
export type Span = { readonly durationMs: number; readonly minKills: number };

/**
 * Breaks things at random moments, then mends everything.
 * The order of faults and all their parameters follow from `random`; what they hit depends on the moment.
 */
export async function breakThings(
  world: CrashWorld,
  random: SeededRandom,
  { durationMs, minKills }: Span,
  onFault: (name: string) => void,
): Promise<FaultCounts> {
  const counts = new Map<string, number>();
  const cards = Object.entries(faults).flatMap(([name, { perRound }]) =>
    Array.from({ length: perRound }, () => name as FaultName),
  );
  const begin = Date.now();
  const goesOn = (): boolean =>
    Date.now() < begin + durationMs * ((counts.get('kill') ?? 0) < minKills ? 2 : 1);
  while (goesOn()) {
    for (const name of random.shuffle(cards)) {
      if (!goesOn()) break;
      onFault(name);
      if (await faults[name].strike(world, random)) counts.set(name, (counts.get(name) ?? 0) + 1);
      await pause(random.between(0, 2_800));
    }
  }
  await mend(world);
  return counts;
}

async function mend({ proxies, simulator, service, postgres }: CrashWorld): Promise<void> {
  for (const proxy of Object.values(proxies)) proxy.pass();
  service.signal('SIGCONT');
  simulator.faults.clearAll();
  await postgres.rows('alter system reset default_transaction_read_only');
  await postgres.rows('select pg_reload_conf()');
}

type Fault = {
  /** How often it comes in each round of all faults. */
  readonly perRound: number;
  /** @returns whether there was anything to strike */
  readonly strike: (world: CrashWorld, random: SeededRandom) => Promise<boolean> | boolean;
};

const kill: Fault = {
  perRound: 16,
  strike: async ({ service }, random) => {
    // Now and then while it is still starting.
    if (random.chance(0.7)) await until(() => service.isReady(), 6_000);
    await pause(random.between(0, 1_500));
    return service.kill();
  },
};

const faults = {
  kill,
  restartFast: { perRound: 2, strike: ({ postgres }) => done(postgres.restart('fast')) },
  restartImmediate: { perRound: 2, strike: ({ postgres }) => done(postgres.restart('immediate')) },
  killBackend: { perRound: 1, strike: killBackend },
  readOnly: {
    perRound: 1,
    strike: async ({ postgres }, random) => {
      await postgres.rows('alter system set default_transaction_read_only = on');
      await postgres.rows('select pg_reload_conf()');
      await pause(random.between(500, 4_000));
      await postgres.rows('alter system reset default_transaction_read_only');
      await postgres.rows('select pg_reload_conf()');
      return true;
    },
  },
  cutSockets: { perRound: 3, strike: (world, random) => pickProxy(world, random).cut() > 0 },
  resetSockets: { perRound: 3, strike: (world, random) => pickProxy(world, random).reset() > 0 },
  cutAfterBytes: {
    perRound: 1,
    strike: (world, random) =>
      forAWhile(pickProxy(world, random), random, (proxy) => proxy.limit(random.between(100, 50_000))),
  },
  slowSockets: {
    perRound: 1,
    strike: (world, random) =>
      forAWhile(pickProxy(world, random), random, (proxy) => proxy.slow(random.between(20, 300))),
  },
  silentSockets: {
    perRound: 2,
    strike: (world, random) => forAWhile(pickProxy(world, random), random, (proxy) => proxy.hold()),
  },
  commitAnswerLost: {
    perRound: 3,
    strike: async ({ proxies }, random) => {
      const lost = await Promise.race([
        proxies.database.dropAnswerTo(random.chance(0.5) ? commit : moved).then(() => true),
        pause(5_000, false),
      ]);
      proxies.database.pass();
      return lost;
    },
  },
  writeBackAnswerLost: {
    perRound: 2,
    strike: async ({ proxies }) => {
      const lost = await Promise.race([
        proxies.rest.dropAnswerTo(Buffer.from('PATCH /services/data')).then(() => true),
        pause(5_000, false),
      ]);
      proxies.rest.pass();
      return lost;
    },
  },
  streamEnds: {
    perRound: 3,
    strike: ({ simulator }, random) => {
      const { end, goAway, reset, cut } = simulator.faults.stream;
      const ends = [
        () => end.now({}),
        () => end.now({ errorCode: 'service.unavailable' }),
        () => end.now({ errorCode: 'subscription.internal.error' }),
        () => goAway.now({}),
        () => reset.now({}),
        () => cut.now({}),
      ];
      random.pick(ends)();
      return true;
    },
  },
  streamDuplicates: {
    perRound: 2,
    strike: ({ simulator }, random) => {
      simulator.faults.stream.duplicates.on({ events: random.between(1, 120), times: 1 });
      simulator.disconnectStreams();
      return true;
    },
  },
  tokensRevoked: {
    perRound: 1,
    strike: ({ simulator }) => {
      simulator.sessions.revokeAll();
      simulator.disconnectStreams('service.auth.error');
      return true;
    },
  },
  paused: {
    perRound: 1,
    strike: async ({ service, simulator }, random) => {
      service.signal('SIGSTOP');
      if (random.chance(0.5)) simulator.disconnectStreams();
      await pause(random.between(200, 5_000));
      service.signal('SIGCONT');
      return true;
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

type FaultName = keyof typeof faults;

// PostgreSQL's message for the statement that ends each transaction of the service, and the one that moves the position.
const commit = Buffer.from('commit\0');
const moved = Buffer.from('move-position');

/** SIGKILL of one session's process: the whole server starts over. */
async function killBackend({ postgres }: CrashWorld): Promise<boolean> {
  const [session] = await postgres.rows<{ pid: number }>(
    `select pid from pg_stat_activity where application_name like 'tidemark%' order by random() limit 1`,
  );
  if (session === undefined || !signal(session.pid, 'SIGKILL')) return false;
  await pause(200);
  await until(() => postgres.rows('select 1').then(() => true), 10_000);
  return true;
}

function pickProxy({ proxies }: CrashWorld, random: SeededRandom): FaultProxy {
  return random.pick([proxies.database, proxies.rest, proxies.stream]);
}

async function forAWhile(
  proxy: FaultProxy,
  random: SeededRandom,
  act: (proxy: FaultProxy) => void,
): Promise<boolean> {
  act(proxy);
  await pause(random.between(500, 6_000));
  proxy.pass();
  return true;
}

async function until(holds: () => Promise<boolean>, limitMs: number): Promise<void> {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    if (await holds().catch(() => false)) return;
    await pause(20);
  }
}

async function done(work: Promise<void>): Promise<true> {
  await work;
  return true;
}
