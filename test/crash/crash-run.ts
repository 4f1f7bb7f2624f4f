import { setTimeout as pause } from 'node:timers/promises';
import { checkMirror, type MirrorCheck } from './check-mirror.ts';
import { startCrashWorld } from './crash-world.ts';
import { watchFamilies } from './family-watcher.ts';
import { randomChanges } from './random-changes.ts';
import { breakThings, type FaultCounts } from './random-faults.ts';
import { reachedStates } from './reached-states.ts';
import { seededRandom } from './seeded-random.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

export type CrashRunOptions = {
  readonly seed: number;
  /** How long things are broken, in milliseconds; then everything is mended and compared. */
  readonly durationMs: number;
  /** Accounts in the org at the start. */
  readonly accounts: number;
  /** How long it may take until all is quiet again, in milliseconds. */
  readonly quietLimitMs: number;
  readonly onProgress?: (line: string) => void;
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
};

/** Random changes and random faults at once, then quiet, then a comparison of everything. */
export async function crashRun(options: CrashRunOptions): Promise<CrashRun> {
  const { seed, durationMs, onProgress = () => {} } = options;
  const world = await startCrashWorld({ accounts: options.accounts });
  try {
    await waitUntilQuiet(world, 60_000);
    const changes = randomChanges(world.sandbox, seededRandom(seed, 'changes'));
    const watcher = watchFamilies(world, seededRandom(seed, 'looks'), changes.families);
    const end = Date.now() + durationMs;
    const changing = changeUntil(end, changes.change, seededRandom(seed, 'pauses'));
    const progress = setInterval(
      () => onProgress(`${changes.transactions} transactions, ${world.service.starts} starts`),
      15_000,
    );
    const faults = await breakThings(world, seededRandom(seed, 'faults'), end, onProgress).finally(() =>
      clearInterval(progress),
    );
    await changing;
    onProgress('mended');
    const quietAfterMs = await waitUntilQuiet(world, options.quietLimitMs);
    await watcher.stop();
    const ownEnds = world.service.ownEnds.filter(({ wasReady }) => wasReady);
    return {
      ...(await checkMirror(world, changes.created)),
      seed,
      faults,
      starts: world.service.starts,
      transactions: changes.transactions,
      looks: watcher.looks,
      violations: [
        ...watcher.violations,
        ...ownEnds.map(
          ({ end: code, lastWords }) => `the service ended by itself with ${code}: ${lastWords}`,
        ),
      ],
      reached: await reachedStates(world),
      quietAfterMs,
    };
  } finally {
    await world.stop();
  }
}

async function changeUntil(
  end: number,
  change: () => void,
  random: ReturnType<typeof seededRandom>,
): Promise<void> {
  while (Date.now() < end) {
    change();
    await pause(random.between(20, 180));
  }
}
