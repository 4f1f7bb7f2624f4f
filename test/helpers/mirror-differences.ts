import { differencesOf } from '../chaos/expected-account.ts';
import { readAllAccounts } from './all-accounts.ts';
import type { LiveMirror } from './live-mirror.ts';
import type { ApiAccount } from './tidemark.ts';

/** The accounts that the API shows, including deleted ones, by id. */
export function shownAccounts(mirror: LiveMirror): Promise<Map<string, ApiAccount>> {
  return readAllAccounts((path) => mirror.get(path));
}

/** Every difference between the org and what the API shows, a line each. */
export async function mirrorDifferences(mirror: LiveMirror): Promise<string[]> {
  const shown = await shownAccounts(mirror);
  const { org } = mirror.simulator;
  return [...org.records()].flatMap((record) => differencesOf(record, shown.get(record.id), org.fields()));
}

/** Waits until nothing is under way any more and nothing differs; what still does is the failure. */
export async function untilEqual(mirror: LiveMirror): Promise<void> {
  await mirror.settled();
  await mirror.worked();
  let left: string[] = [];
  try {
    await mirror.until('the mirror equals the org', async () => {
      left = await mirrorDifferences(mirror);
      return left.length === 0;
    });
  } catch {
    throw new Error(`the mirror differs from the org:\n${left.slice(0, 50).join('\n')}`);
  }
}
