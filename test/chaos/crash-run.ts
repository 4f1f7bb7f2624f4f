import { checkMirror, type MirrorCheck } from './check-mirror.ts';
import { type CrashWorld, startCrashWorld } from './crash-world.ts';
import { watchFamilies } from './family-watcher.ts';
import { goSilent } from './half-open.ts';
import { changeWhile, type RandomChanges, randomChanges } from './random-changes.ts';
import { breakThings, type FaultCounts, type Span } from './random-faults.ts';
import { reachedStates } from './reached-states.ts';
import { seededRandom } from './seeded-random.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

export type CrashRunOptions = Span & {
  readonly seed: number;
  /** Accounts in the org at the start. */
  readonly accounts: number;
  /** How long it may take until all is quiet again, in milliseconds. */
  readonly quietLimitMs: number;
  /** Silences each of the three connections permanently, one after the other, before the comparison. Takes minutes. */
  readonly withSilence: boolean;
  readonly onProgress?: (line: string) => void;
  /** Ends the run early; everything that was started is stopped. */
  readonly interrupted?: AbortSignal;
};

export type CrashRun = MirrorCheck & {
  readonly seed: number;
  readonly faults: FaultCounts;
  readonly starts: number;
  readonly transactions: number;
  /** Answers of the API that showed only whole transactions, or did not: then `violations` says so. */
  readonly looks: number;
  readonly violations: readonly string[];
  /** How often states were reached that only faults lead to. */
  readonly reached: ReadonlyMap<string, number>;
  readonly quietAfterMs: number;
  /** How long it took to get over each connection that went silent, in milliseconds. */
  readonly silences: ReadonlyMap<string, number>;
};

/** Random changes and random faults at once, then quiet, then a comparison of everything. */
export async function crashRun(options: CrashRunOptions): Promise<CrashRun> {
  const world = await startCrashWorld({ accounts: options.accounts });
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const interrupt = (): void => reject(new Error('it was interrupted'));
  if (options.interrupted?.aborted) interrupt();
  options.interrupted?.addEventListener('abort', interrupt);
  try {
    return await Promise.race([runIn(world, options), interrupted]);
  } finally {
    await world.stop();
  }
}

async function runIn(world: CrashWorld, options: CrashRunOptions): Promise<CrashRun> {
  const { seed, onProgress = () => {} } = options;
  await waitUntilQuiet(world, 60_000);
  const changes = randomChanges(world.simulator, seededRandom(seed, 'changes'));
  const watcher = watchFamilies(world, seededRandom(seed, 'looks'), changes.families);
  let broken = true;
  const changing = changeWhile(() => broken, changes.change, seededRandom(seed, 'pauses'));
  const faults = await breakThings(world, seededRandom(seed, 'faults'), options, onProgress).finally(() => {
    broken = false;
  });
  await changing;
  onProgress('mended');
  const healing = await heal(world, changes, options);
  await watcher.stop();
  return {
    ...(await checkMirror(world, changes.created)),
    seed,
    faults,
    ...healing,
    starts: world.service.starts,
    transactions: changes.transactions,
    looks: watcher.looks,
    violations: [...healing.violations, ...watcher.violations, ...endsByItself(world)],
    reached: await reachedStates(world),
  };
}

type Healing = Pick<CrashRun, 'quietAfterMs' | 'silences' | 'violations'>;

/** Waits until all is quiet, then silences each connection permanently; a connection that is not replaced is a violation. */
async function heal(
  world: CrashWorld,
  changes: RandomChanges,
  { quietLimitMs, withSilence, onProgress = () => {} }: CrashRunOptions,
): Promise<Healing> {
  const silences = new Map<string, number>();
  let quietAfterMs = Number.POSITIVE_INFINITY;
  try {
    quietAfterMs = await waitUntilQuiet(world, quietLimitMs);
    for (const connection of withSilence ? (['stream', 'rest', 'database'] as const) : []) {
      onProgress(`${connection} goes silent`);
      silences.set(connection, await goSilent(world, changes, connection));
    }
    return { quietAfterMs, silences, violations: [] };
  } catch (error) {
    return { quietAfterMs, silences, violations: [(error as Error).message] };
  }
}

function endsByItself({ service }: CrashWorld): string[] {
  return service.ownEnds
    .filter(({ wasReady }) => wasReady)
    .map(({ end, lastWords }) => `the service ended unexpectedly with ${end}: ${lastWords}`);
}
