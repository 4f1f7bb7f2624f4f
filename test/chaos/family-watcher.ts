import type { ApiAccount, Page } from '../helpers/tidemark.ts';
import type { CrashWorld } from './crash-world.ts';
import { familyName, familySize } from './random-changes.ts';
import type { SeededRandom } from './seeded-random.ts';

/** A reader of the API who never stops looking for half a transaction. */
export type FamilyWatcher = {
  /** Answers that were looked at. */
  readonly looks: number;
  /** What must never be seen, a line each. */
  readonly violations: readonly string[];
  stop(): Promise<void>;
};

/**
 * Every transaction that touches a family gives all its accounts one mark. One page is one look at the mirror: it
 * shows all members with the same mark, or none of them; and marks only ever grow.
 */
export function watchFamilies(world: CrashWorld, random: SeededRandom, families: number): FamilyWatcher {
  const violations: string[] = [];
  const newest = new Map<number, number>();
  let looks = 0;
  let stopped = false;

  const look = (family: number, accounts: readonly ApiAccount[]): void => {
    looks++;
    if (accounts.length === 0) return;
    const marks = new Set(accounts.map(({ accountNumber }) => accountNumber));
    if (accounts.length !== familySize || marks.size !== 1) {
      violations.push(`${familyName(family)}: ${accounts.length} accounts with ${[...marks].join(', ')}`);
    }
    const mark = Number([...marks][0]?.split('-')[1]);
    const before = newest.get(family) ?? -1;
    if (mark < before) violations.push(`${familyName(family)} went back from mark ${before} to ${mark}`);
    newest.set(family, Math.max(mark, before));
  };
  const watching = (async () => {
    while (!stopped) {
      const family = random.integer(families);
      const name = encodeURIComponent(familyName(family));
      const page = await world
        .get<Page<ApiAccount>>(`/v1/accounts?name=${name}&deleted=all`)
        .catch(() => undefined);
      if (page !== undefined) look(family, page.data);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  })();
  return {
    get looks() {
      return looks;
    },
    violations,
    async stop() {
      stopped = true;
      await watching;
    },
  };
}
