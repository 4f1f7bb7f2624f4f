import { afterAll, beforeAll, expect } from 'vitest';
import { checkMirror, type MirrorCheck } from './check-mirror.ts';
import { type CrashWorld, type CrashWorldOptions, startCrashWorld } from './crash-world.ts';
import { type RandomChanges, randomChanges } from './random-changes.ts';
import { seededRandom } from './seeded-random.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

/** A world for a test file: quiet before each fault, compared after it. */
export type QuietWorld = {
  readonly world: CrashWorld;
  readonly changes: RandomChanges;
  /** Makes this many random transactions in the org, which also create and delete accounts. */
  change(transactions: number): void;
  /** Makes this many random transactions that only edit accounts: no code is pending. */
  edit(transactions: number): void;
  /** Waits until the service has caught up, and expects every account, event and code to be right. */
  /** @param isExpected which differences are right, if any */
  expectHealed(isExpected?: (difference: string) => boolean): Promise<MirrorCheck>;
};

const healLimitMs = 90_000;

export function useChaosEnv(options: Partial<CrashWorldOptions> = {}): QuietWorld {
  let world: CrashWorld | undefined;
  let changes: RandomChanges | undefined;
  beforeAll(async () => {
    world = await startCrashWorld({ accounts: 50, ...options });
    await waitUntilQuiet(world, healLimitMs);
    changes = randomChanges(world.simulator, seededRandom(1, 'changes'), 3);
    await waitUntilQuiet(world, healLimitMs);
  }, 120_000);
  afterAll(() => world?.stop(), 30_000);
  return {
    get world() {
      if (world === undefined) throw new Error('there is no world yet');
      return world;
    },
    get changes() {
      if (changes === undefined) throw new Error('there are no changes yet');
      return changes;
    },
    change(transactions) {
      for (let n = 0; n < transactions; n++) this.changes.change();
    },
    edit(transactions) {
      for (let n = 0; n < transactions; n++) this.changes.edit();
    },
    async expectHealed(isExpected = () => false) {
      await waitUntilQuiet(this.world, healLimitMs);
      const check = await checkMirror(this.world, this.changes.created);
      expect(check.differences.filter((difference) => !isExpected(difference))).toEqual([]);
      expect(this.world.service.ownEnds.filter(({ wasReady }) => wasReady)).toEqual([]);
      return check;
    },
  };
}
